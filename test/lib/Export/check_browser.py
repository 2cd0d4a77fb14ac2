#!/usr/bin/env python3
"""Opens an HTML report in a headless Chromium: check_browser.py REPORT.html

The browser must load it without a message on its console, lay out every section, and write no two labels of a picture over
one another. A copy of the page with a script that measures is what is loaded; the page itself has none.
--screenshot FILE.png and --dark take a picture to look at.
"""
import argparse
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

MEASURE = """<script>
addEventListener("load", () => {
  const found = [];
  for (const svg of document.querySelectorAll("svg")) {
    const boxes = [...svg.querySelectorAll("text")].filter(t => t.textContent).map(t => [t, t.getBoundingClientRect()]);
    const all = svg.getBoundingClientRect();
    for (let i = 0; i < boxes.length; ++i) {
      const [t, a] = boxes[i];
      if (a.left < all.left - 1 || a.right > all.right + 1 || a.top < all.top - 1 || a.bottom > all.bottom + 1)
        found.push("outside of '" + svg.getAttribute("aria-label") + "': " + t.textContent);
      if (t.hasAttribute("transform")) continue;
      for (let k = 0; k < i; ++k) {
        const b = boxes[k][1];
        if (boxes[k][0].hasAttribute("transform")) continue;
        const w = Math.min(a.right, b.right) - Math.max(a.left, b.left), h = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
        if (w > 1.5 && h > 4) found.push("in '" + svg.getAttribute("aria-label") + "': " + t.textContent + " over " + boxes[k][0].textContent);
      }
    }
  }
  const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
  if (wide > 1) found.push("the page is " + wide + " px wider than the window");
  const heights = [...document.querySelectorAll("h2")].filter(h => h.getBoundingClientRect().height > 0).length;
  document.body.insertAdjacentHTML("beforeend", "<pre id=measured></pre>");
  document.getElementById("measured").textContent = "sections " + heights + "\\n" + found.join("\\n") + "\\nend of measures";
});
</script></body>"""


def browse(page, folder, *options):
    command = [shutil.which("chromium"), "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
               "--no-first-run", "--disable-background-networking", "--enable-logging=stderr", "--window-size=1180,900",
               f"--user-data-dir={folder}/profile", *options, page.resolve().as_uri()]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, env={"HOME": folder, "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"})


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("page", type=pathlib.Path)
    parser.add_argument("--screenshot")
    parser.add_argument("--height", default="6000")
    parser.add_argument("--dark", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if arguments.screenshot:
            browse(arguments.page, folder, f"--screenshot={arguments.screenshot}", f"--window-size=1180,{arguments.height}",
                   *(["--force-dark-mode", "--blink-settings=preferredColorScheme=0"] if arguments.dark else []))
            return 0
        copy = pathlib.Path(folder) / "measured.html"
        copy.write_text(arguments.page.read_text(encoding="utf-8").replace("</body>", MEASURE), encoding="utf-8")
        run = browse(copy, folder, "--virtual-time-budget=4000", "--dump-dom")
    problems = [line for line in run.stderr.splitlines() if "CONSOLE" in line]
    measured = re.search(r'<pre id="measured">(.*?)end of measures', run.stdout, re.S)
    if not measured:
        problems.append("the page was not laid out: " + run.stderr[-2000:])
    else:
        lines = measured.group(1).strip().splitlines()
        print(lines[0])
        problems += lines[1:]
    for problem in problems[:20]:
        print(problem)
    if not problems:
        print("no messages, no labels over one another")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
