/// The page's style sheet. The hues are those of the run's report (Okabe and Ito, told apart under the common colour deficiencies),
/// with a contrast of at least 4.5 for text and 3 for shapes against their ground.
enum PageStyle {
    static let sheet = """

        :root {
          --ground: #f6f5f1; --card: #fffefb; --ink: #1d2327; --soft: #59636a; --rule: #dfdcd3; --hair: #eceae3;
          --compute: #0a66a8; --seal: #0b8a68; --gather: #b86e00; --share: #b1407c; --open: #5b53a5;
          --good: #0b7457; --attention: #8f5400; --bad: #b3261e; --heat: 10, 102, 168; --focus: #0a66a8;
        }
        @media (prefers-color-scheme: dark) {
          :root {
            --ground: #14181b; --card: #1c2226; --ink: #e9ecee; --soft: #a3adb4; --rule: #343d43; --hair: #283036;
            --compute: #5db0ee; --seal: #39c49b; --gather: #f0a63c; --share: #e387b8; --open: #a8a0f0;
            --good: #4fd3a8; --attention: #f2b65a; --bad: #ff8a80; --heat: 93, 176, 238; --focus: #8cc8f5;
          }
        }
        * { box-sizing: border-box; }
        html { scroll-behavior: smooth; }
        body { margin: 0 auto; padding: 1.5rem 1.5rem 2rem; max-width: 96rem; background: var(--ground); color: var(--ink);
          font: 0.9375rem/1.45 system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
        header { display: flex; justify-content: space-between; align-items: flex-start; gap: 1rem; margin: 0 .25rem 1.1rem; }
        h1 { margin: 0; font-size: 2rem; line-height: 1.1; letter-spacing: -.02em; font-weight: 680; }
        h2 { margin: 0; font-size: 1.0625rem; font-weight: 640; }
        h3 { margin: 1rem 0 .35rem; font-size: .8125rem; font-weight: 600; color: var(--soft); }
        p { margin: .2rem 0; }
        .over { color: var(--soft); font-size: .75rem; letter-spacing: .09em; text-transform: uppercase; margin: 0 0 .2rem; }
        .sub { color: var(--soft); font-size: .875rem; }
        .right { text-align: right; }
        .number, dd, time { font-variant-numeric: tabular-nums; }
        .hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
        .skip { position: absolute; left: -100rem; } .skip:focus { left: 1rem; top: .5rem; background: var(--card); padding: .4rem .8rem; z-index: 2; }
        .pill { display: inline-block; padding: .1rem .7rem; border: 1px solid currentColor; border-radius: 99px; font-size: .8125rem; font-weight: 600; color: var(--good); }
        .pill.off { color: var(--attention); }
        main { display: grid; gap: 1rem; grid-template-columns: minmax(0, 1.5fr) minmax(0, 1fr); }
        section { background: var(--card); border: 1px solid var(--rule); border-radius: 10px; padding: 1.1rem 1.25rem; min-width: 0; }
        .now, .events { grid-column: 1 / -1; }
        @media (max-width: 62rem) { main { grid-template-columns: minmax(0, 1fr); } body { padding: 1rem .75rem; } }
        .top { display: flex; flex-wrap: wrap; gap: .3rem 1.5rem; justify-content: space-between; align-items: baseline; margin-bottom: .7rem; }
        .top p { margin: 0; }

        #headline { font-size: 1.3125rem; font-weight: 600; letter-spacing: -.01em; margin: 0 0 .7rem; min-height: 1.45em; }
        .progress { height: 6px; border-radius: 3px; background: var(--hair); overflow: hidden; }
        .progress span { display: block; height: 100%; width: 0; background: var(--seal); border-radius: 3px; }
        .tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(8rem, 1fr)); gap: .5rem 1.5rem; margin: 1rem 0 0; }
        dt { color: var(--soft); font-size: .8125rem; }
        dd { margin: 0; font-size: 1.4375rem; line-height: 1.25; font-weight: 600; letter-spacing: -.01em; white-space: nowrap; }
        dd small { font-size: .8125rem; font-weight: 400; color: var(--soft); letter-spacing: 0; }

        svg { display: block; width: 100%; height: auto; overflow: visible; }
        svg text { fill: var(--ink); font-size: 12.5px; }
        svg .soft { fill: var(--soft); font-size: 11.5px; font-variant-numeric: tabular-nums; }
        svg .name { font-weight: 600; }
        .cloud { fill: none; stroke: var(--rule); }
        .node rect { fill: var(--ground); stroke: var(--rule); stroke-width: 1.2; }
        .node { cursor: pointer; }
        .node.chosen rect { stroke: var(--ink); stroke-width: 2; }
        .node .dot { fill: var(--soft); }
        .node.ready .dot, .node.working .dot { fill: var(--good); }
        .node.working rect { stroke: var(--good); }
        .node.idle .dot { fill: var(--soft); }
        .node.waiting .dot, .node.unknown .dot { fill: none; stroke: var(--compute); stroke-width: 2; }
        .node.unknown .dot { stroke: var(--soft); }
        .node.starting .dot, .node.restarting .dot { fill: var(--attention); }
        .node.restarting rect { stroke: var(--attention); }
        .node.stopped .dot { fill: var(--attention); } .node.stopped rect { stroke: var(--attention); stroke-dasharray: 5 3; }
        .node.hindered rect { stroke: var(--attention); } svg .mark { fill: var(--attention); font-weight: 700; font-size: 14px; }
        .node.failed rect, .node.gone rect { stroke: var(--bad); stroke-dasharray: 5 3; stroke-width: 1.8; }
        .node.failed .dot, .node.gone .dot { fill: var(--bad); }
        .node.failed .soft, .node.gone .soft { fill: var(--bad); }
        .node:focus { outline: none; } .node:focus-visible rect { stroke: var(--focus); stroke-width: 3; stroke-dasharray: none; }
        .wire { fill: none; stroke: var(--rule); stroke-width: 1.6; }
        .wire.news { stroke-dasharray: 2 5; stroke-linecap: round; }
        .wire.used { stroke: var(--soft); }
        .wire.hot { stroke: var(--compute); stroke-width: 3; }
        .head { fill: var(--soft); }
        .drop { fill: var(--compute); }
        .axis { stroke: var(--rule); } .gridline { stroke: var(--hair); }
        .curve { fill: none; stroke: var(--compute); stroke-width: 2.2; stroke-linejoin: round; stroke-linecap: round; }
        .curve.loss { stroke: var(--share); }
        .point { fill: var(--compute); stroke: var(--card); stroke-width: 1.5; } .point.loss { fill: var(--share); }
        .point.test { fill: var(--card); stroke: var(--compute); stroke-width: 2; }
        svg .value { font-weight: 650; font-size: 13px; font-variant-numeric: tabular-nums; }

        table { border-collapse: collapse; width: 100%; font-size: .875rem; }
        th { text-align: left; font-weight: 500; color: var(--soft); font-size: .8125rem; padding: .25rem .75rem .35rem 0; white-space: nowrap; border-bottom: 1px solid var(--rule); }
        td { padding: .3rem .75rem .3rem 0; border-bottom: 1px solid var(--hair); vertical-align: middle; white-space: nowrap; }
        tr:last-child td, tr:last-child th[scope=row] { border-bottom: 0; }
        th.number, td.number { text-align: right; }
        th.wide, td.wide { width: 99%; }
        td.wide { white-space: normal; overflow-wrap: anywhere; }
        th[scope=row] { color: var(--ink); font-weight: 600; font-size: .875rem; border-bottom-color: var(--hair); }
        .scroll { overflow: auto; max-height: 26rem; position: relative; }
        .scroll.tall { max-height: 22rem; }
        .scroll thead th { position: sticky; top: 0; background: var(--card); z-index: 1; }
        .bar { display: flex; height: 14px; min-width: 12rem; }
        .bar span { display: block; height: 100%; }
        .bar span + span { border-left: 1px solid var(--card); }
        .bar span:first-child { border-radius: 3px 0 0 3px; } .bar span:last-child { border-radius: 0 3px 3px 0; }
        .compute { background: var(--compute); } .seal { background: var(--seal); } .gather { background: var(--gather); }
        .share { background: var(--share); } .open { background: var(--open); }
        .legend { display: flex; flex-wrap: wrap; gap: .1rem 1rem; margin: 0; padding: 0; list-style: none; font-size: .8125rem; color: var(--soft); }
        .legend span { display: inline-block; width: .7em; height: .7em; border-radius: 2px; margin-right: .4em; }
        tr.now-open td, tr.now-open th { font-weight: 600; }
        .matrix table, .matrix th, .matrix th[scope=row] { font-size: .75rem; }
        .matrix td { text-align: right; padding: .35rem .3rem; border-left: 1px solid var(--hair); font-variant-numeric: tabular-nums; }
        .matrix th[scope=col] { text-align: right; padding: .25rem .3rem .35rem; }
        .matrix th[scope=row] { padding-right: .4rem; } .matrix th:first-child { padding-left: 0; text-align: left; }
        .whole { white-space: nowrap; }
        .matrix td small { display: block; color: var(--soft); font-size: .6875rem; }
        .plain { margin: 0; padding: 0; list-style: none; font-size: .875rem; }
        .remedy { display: block; }
        .plain li { padding: .12rem 0; } .plain b { font-weight: 600; }
        summary { cursor: pointer; color: var(--soft); font-size: .875rem; margin-top: .8rem; width: max-content; }
        form { display: flex; flex-wrap: wrap; gap: .4rem 1rem; }
        label { color: var(--soft); font-size: .8125rem; }
        input, select { font: inherit; color: var(--ink); background: var(--ground); border: 1px solid var(--soft); border-radius: 6px; padding: .15rem .5rem; margin-left: .3rem; max-width: 15rem; }
        :focus-visible { outline: 3px solid var(--focus); outline-offset: 2px; border-radius: 4px; }
        .level-warning td:nth-child(4) { color: var(--attention); font-weight: 600; }
        .level-error td:nth-child(4) { color: var(--bad); font-weight: 600; }
        .bad { color: var(--bad); } .attention { color: var(--attention); }
        footer { margin: .8rem .25rem 0; }
        @media (prefers-reduced-motion: reduce) { html { scroll-behavior: auto; } }
        """
}
