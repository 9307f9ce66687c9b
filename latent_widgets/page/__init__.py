"""What runs in the page: modules in JavaScript that any front end can load as they are, and where they lie."""
