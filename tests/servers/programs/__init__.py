"""Small stand-alone servers, run in the environment of the test servers: they import none of our code."""
