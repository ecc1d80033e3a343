"""Records, from which the tests beside this folder are made."""
