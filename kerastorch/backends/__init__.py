"""One folder per framework; each is imported only when it is first used."""
