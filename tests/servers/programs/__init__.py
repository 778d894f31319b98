"""Small servers that run by themselves, in the environment of the test servers: no code of ours is imported there."""
