package report

// pageHead allows the page nothing but its own style, whatever a name may try.
const pageHead = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="color-scheme" content="light dark"><meta name="referrer" content="no-referrer">
`

const pageStyle = `
:root{color-scheme:light dark;--page:light-dark(#f4f3ef,#0b0e11);--card:light-dark(#fff,#101418);--text:light-dark(#1b1e22,#e6e9ec);
--muted:light-dark(#585f68,#a0a9b3);--line:light-dark(#dedcd5,#282e35);--calm:light-dark(#19674f,#7fd6b0);--mild:light-dark(#5d5430,#d6c78f);
--careful:light-dark(#845200,#f0b94a);--grave:light-dark(#a3122c,#ff8f99);--newer:light-dark(#4a3a94,#b9a8f5)}
*{box-sizing:border-box}
body{margin:0 auto;max-width:70rem;padding:2rem 1rem 3rem;font:16px/1.55 -apple-system,'Segoe UI',Roboto,'Noto Sans','Liberation Sans',Arial,sans-serif;
color:var(--text);background:var(--page);overflow-wrap:anywhere}
h1,h2,h3,p,dl,ul{margin:0}
h1{font-size:1.75rem;line-height:1.2}h2{font-size:1.25rem;margin-bottom:.6rem}h3{font-size:1.0625rem;margin-bottom:.4rem}
header p,footer{color:var(--muted)}footer{margin-top:1.5rem;font-size:.875rem}
section,article{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:1.1rem 1.25rem;margin-top:1rem}
article{border-left:5px solid var(--line)}article p,section>p,ul{margin:.4rem 0;max-width:60rem}
.verdict{border-left:8px solid var(--grave)}.verdict.healthy{border-left-color:var(--calm)}.verdict.wasteful{border-left-color:var(--mild)}
.verdict.unclean{border-left-color:var(--careful)}.verdict.newer{border-left-color:var(--newer)}
.danger,.damage{border-left-color:var(--grave)}.warning{border-left-color:var(--careful)}.waste{border-left-color:var(--mild)}
.danger .sign,.damage .sign{color:var(--grave)}.warning .sign{color:var(--careful)}.waste .sign{color:var(--mild)}
.sign{font-size:.8125rem;letter-spacing:.06em}.times{color:var(--muted);font-weight:400;font-size:.875rem}
dl{display:grid;grid-template-columns:repeat(auto-fill,minmax(10.5rem,1fr));gap:.7rem 1.25rem}
dt{color:var(--muted);font-size:.8125rem}dd{margin:0;font-variant-numeric:tabular-nums}.counts dd{font-size:1.25rem}
.wide{overflow-x:auto;margin-top:.6rem}table{border-collapse:collapse;width:100%;min-width:46rem;font-size:.8125rem}
th{text-align:left;color:var(--muted);font-weight:600}th,td{padding:.35rem .6rem .35rem 0;border-bottom:1px solid var(--line);vertical-align:top}
td{min-width:5rem}td:nth-child(n+3):not(:last-child){font-family:ui-monospace,'Cascadia Mono','Noto Sans Mono','Liberation Mono',monospace;white-space:nowrap}code{font-family:ui-monospace,'Cascadia Mono','Noto Sans Mono','Liberation Mono',monospace;font-size:.9em}
@media print{:root{color-scheme:light;--page:#fff;--card:#fff}body{max-width:none;padding:0;font-size:11px}section,article{border-radius:0;break-inside:auto}
h2,h3{break-after:avoid}tr{break-inside:avoid}.wide{overflow:visible}table{min-width:0}td{white-space:normal}}
`
