//===- Style.cpp - How a report looks -------------------------------------===//
//
// Part of the EinsumCascade project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Light by default and in print, dark where the reader asks for it. Categories
// are tints that carry dark text in both, told apart also without seeing red
// and green (after Okabe & Ito 2008).
//
//===----------------------------------------------------------------------===//

#include "lib/Export/Html/Style.h"

const char *const einsum::exporting::kStyle = R"css(
:root { --paper:#fff; --ink:#1a1a1a; --faint:#666; --rule:#d7d7d7; --field:#f5f5f3; --limit:#b3261e; }
@media screen and (prefers-color-scheme: dark) {
  :root { --paper:#161718; --ink:#e8e6e3; --faint:#9b9b98; --rule:#3c3e40; --field:#1f2123; --limit:#ff8a80; }
}
* { box-sizing:border-box; }
body { margin:0 auto; max-width:1080px; padding:28px 24px 60px; background:var(--paper); color:var(--ink);
  font:14px/1.45 system-ui,"Segoe UI",Roboto,"Helvetica Neue",Arial,"DejaVu Sans",sans-serif; font-variant-numeric:tabular-nums; }
h1 { font-size:22px; margin:0 0 2px; font-weight:650; }
h2 { font-size:16px; margin:34px 0 8px; padding-bottom:4px; border-bottom:1px solid var(--rule); font-weight:650; }
h3 { font-size:13.5px; margin:18px 0 6px; font-weight:600; }
p { margin:4px 0 10px; max-width:78ch; } .note { color:var(--faint); font-size:13px; }
dl.facts { display:grid; grid-template-columns:max-content 1fr; gap:1px 16px; margin:8px 0; }
dl.facts dt { color:var(--faint); } dl.facts dd { margin:0; overflow-wrap:anywhere; }
.figures { display:grid; grid-template-columns:repeat(auto-fit,minmax(150px,1fr)); gap:10px; margin:16px 0 14px; }
.figure { border:1px solid var(--rule); border-radius:4px; padding:8px 12px; }
.figure b { display:block; font-size:19px; font-weight:600; } .figure span { color:var(--faint); font-size:12.5px; }
table { border-collapse:collapse; font-size:13px; margin:6px 0 10px; }
th { text-align:left; font-weight:600; color:var(--faint); border-bottom:1px solid var(--rule); padding:2px 14px 3px 0; white-space:nowrap; }
td { padding:2px 14px 2px 0; vertical-align:top; overflow-wrap:break-word; } td.n, th.n { text-align:right; white-space:nowrap; }
.scroll { overflow-x:auto; } .columns { display:grid; grid-template-columns:1fr 1fr; gap:0 32px; }
pre { font:12px/1.4 ui-monospace,"SF Mono",Menlo,Consolas,"DejaVu Sans Mono",monospace; overflow-x:auto; background:var(--field);
  border:1px solid var(--rule); border-radius:4px; padding:10px 12px; margin:8px 0; }
svg { display:block; width:100%; height:auto; margin:4px 0 10px; font:12px system-ui,"Segoe UI",Roboto,Arial,"DejaVu Sans",sans-serif; fill:var(--ink); }
svg .small { font-size:11px; } svg .faint { fill:var(--faint); } svg .on { fill:#161616; font-size:11px; }
svg .frame { fill:var(--field); stroke:var(--rule); stroke-width:1; } svg .axis { stroke:var(--faint); stroke-width:1; }
svg .grid { stroke:var(--rule); stroke-width:.7; } svg .roof { stroke:var(--ink); stroke-width:1.6; }
svg .limit { stroke:var(--limit); stroke-width:1.4; stroke-dasharray:6 3; } svg .limit-text { fill:var(--limit); }
svg .hollow { fill:none; stroke:var(--faint); stroke-width:1.2; } svg .bar { stroke:rgba(0,0,0,.38); stroke-width:.5; }
.c0{fill:#8fb8de;background:#8fb8de} .c1{fill:#f2b37e;background:#f2b37e} .c2{fill:#8fcfae;background:#8fcfae} .c3{fill:#dba6c9;background:#dba6c9}
.c4{fill:#efd77f;background:#efd77f} .c5{fill:#a5d8ea;background:#a5d8ea} .c6{fill:#c4b3e2;background:#c4b3e2} .c7{fill:#e79a94;background:#e79a94}
.c8{fill:#bcc98b;background:#bcc98b} .c9{fill:#c6c6c4;background:#c6c6c4}
.legend { display:flex; flex-wrap:wrap; gap:3px 14px; font-size:12.5px; margin:2px 0 8px; }
.legend i { display:inline-block; width:11px; height:11px; margin-right:5px; border:.5px solid rgba(0,0,0,.38); vertical-align:-1px; }
.white { background:#fff; border:1px solid var(--rule); padding:6px; } .white svg { fill:#000; }
@media print { body { max-width:none; padding:0; font-size:11px; } h2, h3, p, .legend { break-after:avoid; }
  .figures { grid-template-columns:repeat(auto-fit,minmax(110px,1fr)); } svg, table, .figures, .columns > div { break-inside:avoid; }
  pre { white-space:pre-wrap; font-size:8.5px; } .bar { print-color-adjust:exact; -webkit-print-color-adjust:exact; } .scroll { overflow:visible; } }
@media (max-width:720px) { .columns { grid-template-columns:1fr; } }
)css";
