// Nothing wrong here; other files try to reach it by short paths.
