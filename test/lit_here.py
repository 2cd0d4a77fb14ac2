"""Runs lit on tests named by their source path: lit_here.py LIT SOURCE_TEST_DIR BUILD_TEST_DIR [lit arguments].

A test suite is configured in the build tree (lit.site.cfg.py); lit is told that the lit.cfg.py in the source tree means it.
"""
import os
import sys

lit, source, build = (os.path.realpath(path) for path in sys.argv[1:4])
sys.path.insert(0, os.path.dirname(lit))
sys.argv = ["einsum-lit"] + (sys.argv[4:] or [build])

from lit.main import main  # noqa: E402

if __name__ == "__main__":
    main({"config_map": {os.path.normcase(os.path.join(source, "lit.cfg.py")): os.path.join(build, "lit.site.cfg.py")}})
