//! SHA-1, which names the files in the token cache of IAM Identity Center. It protects nothing here.
//!
//! Source: FIPS 180-4, section 6.1.

/// The digest of `message` in lower-case hexadecimal digits.
pub(super) fn hex(message: &[u8]) -> String {
    let mut padded = message.to_vec();
    let bits = u64::try_from(message.len()).unwrap_or(u64::MAX).wrapping_mul(8);
    padded.push(0x80);
    // Eight bytes of every last block belong to the length.
    padded.resize((padded.len() + 8).next_multiple_of(64) - 8, 0);
    padded.extend(bits.to_be_bytes());
    let mut state = [0x6745_2301, 0xEFCD_AB89, 0x98BA_DCFE, 0x1032_5476, 0xC3D2_E1F0];
    padded.chunks_exact(64).for_each(|block| compress(&mut state, block));
    let digits = state.iter().flat_map(|word| (0..8).rev().map(move |place| word >> (4 * place) & 0xF));
    digits.filter_map(|digit| char::from_digit(digit, 16)).collect()
}

fn compress(state: &mut [u32; 5], block: &[u8]) {
    let mut schedule: Vec<u32> = block
        .chunks_exact(4)
        .map(|word| word.iter().fold(0, |sum, byte| sum << 8 | u32::from(*byte)))
        .collect();
    for round in 16..80 {
        let earlier = |back: usize| schedule.get(round - back).copied().unwrap_or_default();
        schedule.push((earlier(3) ^ earlier(8) ^ earlier(14) ^ earlier(16)).rotate_left(1));
    }
    let mut working = *state;
    for (round, word) in schedule.into_iter().enumerate() {
        working = step(working, round, word);
    }
    for (word, change) in state.iter_mut().zip(working) {
        *word = word.wrapping_add(change);
    }
}

/// One of the eighty rounds.
fn step([first, x, y, z, last]: [u32; 5], round: usize, word: u32) -> [u32; 5] {
    let (mixed, constant) = match round {
        0..20 => ((x & y) | (!x & z), 0x5A82_7999),
        20..40 => (x ^ y ^ z, 0x6ED9_EBA1),
        40..60 => ((x & y) | (x & z) | (y & z), 0x8F1B_BCDC),
        _ => (x ^ y ^ z, 0xCA62_C1D6_u32),
    };
    let sum = [mixed, last, constant, word].into_iter().fold(first.rotate_left(5), u32::wrapping_add);
    [sum, first, x.rotate_left(30), y, z]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_the_standard() {
        for (message, expected) in [
            ("", "da39a3ee5e6b4b0d3255bfef95601890afd80709"),
            ("abc", "a9993e364706816aba3e25717850c26c9cd0d89d"),
            (
                "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                "84983e441c3bd26ebaae4aa1f95129e5e54670f1",
            ),
        ] {
            assert_eq!(hex(message.as_bytes()), expected);
        }
        assert_eq!(hex(&vec![b'a'; 1_000_000]), "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
    }

    #[test]
    fn every_length_is_padded_to_whole_blocks() {
        let digests: std::collections::BTreeSet<_> =
            (0..200).map(|length| hex(&vec![b'x'; length])).collect();
        assert_eq!(digests.len(), 200);
    }
}
