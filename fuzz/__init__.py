"""Calls made up from the API's description (`calls`), hostile pictures (`hostile`); every answer is looked at."""
