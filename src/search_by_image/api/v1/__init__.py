"""The modern calls. Importing this loads nothing: the client reads answers by `schemas` alone."""
