"""Its small pages, a file each."""
