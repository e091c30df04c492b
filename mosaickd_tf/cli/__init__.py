"""Commands: flags to dataclasses, and one small module each."""
