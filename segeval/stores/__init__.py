"""Where the bytes of files come from that lie in no folder of this machine."""
