"""What crosses between Python and the native core."""
