"""What a release is made of: wheels for several platforms, their checks, the list of their parts, the notes."""
