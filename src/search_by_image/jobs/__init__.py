"""Import jobs: pictures that come many at once are imported in the background, across restarts of the service."""
