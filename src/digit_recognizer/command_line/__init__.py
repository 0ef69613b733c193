"""The command line's rooms: options, streams, exits, and the words of make."""
