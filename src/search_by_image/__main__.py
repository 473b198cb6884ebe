"""`python -m search_by_image`: the command line."""

from search_by_image.cli import main

if __name__ == "__main__":
    main()
