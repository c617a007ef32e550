/// The page's style sheet. The hues are those of Okabe and Ito (2008), told apart under the common colour deficiencies, made
/// darker or lighter for contrast with their ground.
enum ReportStyle {
    static let sheet = """

        :root {
          --ground: #f6f5f1; --card: #fffefb; --ink: #1d2327; --soft: #5c666d; --rule: #dfdcd3;
          --c0: #0a66a8; --c1: #d98200; --c2: #0b8a68; --c3: #b1407c; --c4: #5aa5d6; --c5: #84878c;
        }
        @media (prefers-color-scheme: dark) {
          :root {
            --ground: #14181b; --card: #1c2226; --ink: #e9ecee; --soft: #9fa9b0; --rule: #333c42;
            --c0: #5db0ee; --c1: #f0a63c; --c2: #39c49b; --c3: #e387b8; --c4: #2f7db5; --c5: #8d959b;
          }
        }
        * { box-sizing: border-box; }
        body { margin: 0 auto; padding: 2rem 1rem 3rem; max-width: 68rem; background: var(--ground); color: var(--ink);
          font: 1rem/1.5 system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
        header { margin: 0 .25rem 1.5rem; }
        h1 { margin: 0; font-size: clamp(1.9rem, 6vw, 2.8rem); line-height: 1.1; letter-spacing: -.02em; }
        h2 { margin: 0; font-size: 1.05rem; }
        h3 { margin: 1.25rem 0 .25rem; font-size: .95rem; }
        p { margin: .25rem 0 .75rem; }
        .over { margin: 0 0 .25rem; color: var(--soft); font-size: .85rem; letter-spacing: .06em; text-transform: uppercase; }
        .sub, figure p { color: var(--soft); }
        figure p { font-size: .9rem; }
        .tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(10rem, 100%), 1fr)); gap: 1rem;
          margin: 0 0 1rem; padding: 0; list-style: none; }
        .tiles li, figure, section { background: var(--card); border: 1px solid var(--rule); border-radius: 10px; }
        .tiles li { padding: 1rem; display: flex; flex-direction: column; }
        .big { font-size: clamp(1.5rem, 5vw, 2rem); font-weight: 650; line-height: 1.15; font-variant-numeric: tabular-nums; }
        .what { font-weight: 550; line-height: 1.3; margin: .15rem 0; }
        .aside { color: var(--soft); font-size: .85rem; }
        .figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(26rem, 100%), 1fr)); gap: 1rem; }
        figure, section { margin: 0; padding: 1.25rem; min-width: 0; }
        figure { display: flex; flex-direction: column; }
        figure > svg { margin-top: auto; }
        figure > details { margin-top: .5rem; }
        figure.wide { grid-column: 1 / -1; display: grid; gap: 1rem 2.5rem; align-items: center;
          grid-template-columns: repeat(auto-fit, minmax(min(24rem, 100%), 1fr)); }
        section { margin-top: 1rem; }
        svg { display: block; width: 100%; max-width: 36rem; height: auto; align-self: center; overflow: visible; font-size: 12px; }
        svg text { fill: var(--soft); font-variant-numeric: tabular-nums; }
        svg .value { fill: var(--ink); font-weight: 600; }
        svg .name { fill: var(--ink); }
        svg .strong { font-weight: 700; }
        svg .note { font-size: 11px; paint-order: stroke; stroke: var(--card); stroke-width: 3px; }
        .grid { stroke: var(--rule); stroke-width: 1; }
        .level { stroke: var(--soft); stroke-width: 1.2; stroke-dasharray: 5 4; }
        .line { fill: none; stroke: currentColor; stroke-width: 2.2; stroke-linejoin: round; }
        .interval { stroke: currentColor; stroke-width: 3; stroke-linecap: round; opacity: .45; }
        .dot { fill: currentColor; stroke: var(--card); stroke-width: 1.5; }
        .bar { fill: currentColor; stroke: var(--card); stroke-width: 1; }
        .mark { stroke: var(--ink); stroke-width: 2; }
        .c0 { color: var(--c0); } .c1 { color: var(--c1); } .c2 { color: var(--c2); }
        .c3 { color: var(--c3); } .c4 { color: var(--c4); } .c5 { color: var(--c5); }
        .legend { display: flex; flex-wrap: wrap; gap: .15rem 1rem; margin: 0 0 .5rem; padding: 0; list-style: none;
          font-size: .85rem; }
        .key { display: inline-block; width: .8em; height: .8em; margin-right: .4em; border-radius: 2px;
          background: currentColor; }
        .key.dash { height: 2px; width: 1.1em; vertical-align: .3em; background: var(--ink); }
        details { font-size: .9rem; }
        summary { cursor: pointer; color: var(--soft); padding: .25rem 0; }
        .scroll { overflow-x: auto; }
        details .scroll { max-height: 24rem; overflow-y: auto; }
        table { border-collapse: collapse; width: 100%; font-size: .875rem; }
        caption { text-align: left; color: var(--soft); padding: .25rem 0; }
        th, td { padding: .3rem .6rem .3rem 0; border-bottom: 1px solid var(--rule); text-align: left; font-weight: 400; }
        thead th { color: var(--soft); font-weight: 600; }
        .n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
        dl { display: grid; grid-template-columns: minmax(0, 16rem) minmax(0, 1fr); gap: .4rem 1.5rem; margin: .75rem 0 0; }
        dl.wide { grid-template-columns: minmax(0, 1fr); gap: .2rem; }
        dt { color: var(--soft); }
        dd { margin: 0; min-width: 0; }
        pre { margin: .1rem 0 .6rem; padding: .6rem .8rem; overflow-x: auto; border: 1px solid var(--rule); border-radius: 6px;
          background: var(--ground); font: .85rem/1.5 ui-monospace, "DejaVu Sans Mono", monospace; }
        footer { margin: 1.5rem .25rem 0; color: var(--soft); font-size: .85rem; }
        @media (max-width: 34rem) {
          body { padding: 1.25rem .6rem 2rem; }
          dl { grid-template-columns: minmax(0, 1fr); gap: .1rem; }
          dd { margin-bottom: .6rem; }
          figure, section { padding: 1rem .9rem; }
        }
        @media print { body { background: none; } figure, section, .tiles li { break-inside: avoid; } }

        """
}
