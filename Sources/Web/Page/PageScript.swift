/// The page's script. It makes elements and sets their text; it never reads markup out of a string.
enum PageScript {
    static let text = [start, map, curves, tables, events, following].joined(separator: "\n")

    private static let start = #"""
        "use strict";
        const $ = id => document.getElementById(id);
        const NS = "http://www.w3.org/2000/svg";
        const PHASES = ["compute", "seal", "gather", "share", "open"];
        const LEVELS = {debug: 0, info: 1, warning: 2, error: 3};
        const still = matchMedia("(prefers-reduced-motion: reduce)");
        let state = null, offset = 0;

        function fill(node, attributes, children) {
          for (const [name, value] of Object.entries(attributes || {})) if (value !== null && value !== undefined) node.setAttribute(name, value);
          for (const child of children) if (child !== null && child !== undefined) node.append(child);
          return node;
        }
        const el = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
        const svg = (tag, attributes, ...children) => fill(document.createElementNS(NS, tag), attributes, children);
        function say(node, text) { if (node.textContent !== text) node.textContent = text; }
        function put(node, ...children) { node.replaceChildren(...children.filter(child => child !== null)); }

        const now = () => Date.now() + offset;
        const two = number => String(number).padStart(2, "0");
        const clock = time => new Date(time).toISOString().slice(11, 19);
        const fixed = (value, digits) => value === null || value === undefined ? "–" : value.toFixed(digits);
        function age(milliseconds) {
          const s = Math.max(0, Math.floor(milliseconds / 1000));
          return s < 60 ? s + " s" : s < 3600 ? Math.floor(s / 60) + " min " + two(s % 60) + " s" : Math.floor(s / 3600) + " h " + two(Math.floor(s / 60) % 60) + " min";
        }
        const brief = milliseconds => age(milliseconds).replace(/ min | h /, match => match.trim()[0]).replace(/ s$/, "s").replace(/ min$/, "m");
        function seconds(s) { return s < 0.0995 ? (s * 1000).toFixed(s < 0.00995 ? 1 : 0) + " ms" : s < 10 ? s.toFixed(2) + " s" : s < 60 ? s.toFixed(1) + " s" : age(s * 1000); }
        function scaled(value, base, units) {
          let unit = 0;
          while (value >= base && unit + 1 < units.length) { value /= base; unit++; }
          return value.toFixed(unit === 0 ? 0 : value < 10 ? 2 : value < 100 ? 1 : 0) + units[unit];
        }
        const bytes = value => scaled(value, 1024, [" B", " KiB", " MiB", " GiB", " TiB"]);
        const count = value => scaled(value, 1000, ["", " k", " M", " G"]);
        function figure(node, value, unit) { put(node, value, unit ? el("small", {}, " " + unit) : null); }
        """#

    private static let map = #"""

        // The map: built once for a topology, then only its texts and classes change, so that the focus stays where it is.
        let nodes = {}, wires = {}, drawn = "", chosen = "", seenTransfers = {};

        function drawMap() {
          const key = JSON.stringify([state.clouds, state.links]);
          if (key === drawn) return;
          drawn = key; nodes = {}; wires = {}; seenTransfers = {};
          const data = state.clouds.filter(cloud => cloud.data), shown = data.slice(0, 24);
          const compact = shown.length > 6;
          const W = 980, left = 19, nodeW = 152, pitch = 169, cardW = 24 + 2 * pitch + nodeW, hubW = 142, hubGap = 62;
          const nodeH = compact ? 26 : 50, cardH = compact ? 60 : 96, gap = compact ? 8 : 14, mostWorkers = 8;
          const hubs = state.clouds.filter(cloud => !cloud.data);
          // Ingest, local-train, encrypt from left to right; several local-train stages one below the other.
          const isWorker = role => role.startsWith("local-train");
          const extent = cloud => cardH + (Math.min(mostWorkers, Math.max(1, cloud.stages.filter(isWorker).length)) - 1) * (nodeH + 6);
          const top = shown.reduce((all, cloud) => [...all, all[all.length - 1] + extent(cloud) + gap], [0]);
          const H = Math.max(top[shown.length], 190) + 26, middle = (H - 26) / 2;
          const root = svg("svg", {viewBox: `0 0 ${W} ${H}`, role: "group", "aria-labelledby": "map-title"});
          root.append(svg("defs", {}, svg("marker", {id: "tip", viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, markerUnits: "userSpaceOnUse", orient: "auto"},
            svg("path", {d: "M0 .5 L7.5 4 L0 7.5 Z", class: "head"}))));
          const paths = svg("g", {"aria-hidden": "true"}), drops = svg("g", {"aria-hidden": "true", id: "drops"}), boxes = svg("g", {});
          root.append(paths, boxes, drops);
          const place = {};
          const node = (name, kind, x, y, w) => {
            place[name] = {x, y, w, cloud: name.split("/")[0], cx: x + w / 2, cy: y + nodeH / 2};
            const title = svg("title"), label = svg("text", {x: x + 28, y: compact ? y + 17 : y + 21, class: "name"}, kind);
            const word = svg("text", {x: x + 28, y: y + 38, class: "soft"}), mark = svg("text", {x: x + w - 9, y: compact ? y + 17 : y + 21, class: "mark", "text-anchor": "end"});
            const group = svg("g", {class: "node unknown", tabindex: "0", role: "button", "aria-pressed": "false"}, title,
              svg("rect", {x, y, width: w, height: nodeH, rx: 8}), svg("circle", {cx: x + 15, cy: compact ? y + 13 : y + 17, r: 4.5, class: "dot"}), label, compact ? null : word, mark);
            const choose = () => { chosen = chosen === name ? "" : name; $("f-stage").value = chosen; showChosen(); filterEvents(); };
            group.addEventListener("click", choose);
            group.addEventListener("keydown", event => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); choose(); } });
            nodes[name] = {group, title, word, mark};
            boxes.append(group);
          };
          const card = (cloud, x, y, w, h) => {
            boxes.append(svg("rect", {x, y, width: w, height: h, rx: 10, class: "cloud"}), svg("text", {x: x + 14, y: y + 21, class: "name"}, cloud.name));
            const room = Math.floor(cloud.data ? (w - 44 - cloud.name.length * 7.5) / 6.2 : (w - 24) / 6.2);
            const owner = cloud.owner.length > room ? cloud.owner.slice(0, Math.max(0, room - 1)) + "…" : cloud.owner;
            boxes.append(cloud.data ? svg("text", {x: x + w - 14, y: y + 21, class: "soft", "text-anchor": "end"}, owner) : svg("text", {x: x + 14, y: y + 38, class: "soft"}, owner));
          };
          shown.forEach((cloud, row) => {
            const y = top[row] + 1, first = y + (compact ? 29 : 33);
            card(cloud, left, y, cardW, extent(cloud));
            const workers = cloud.stages.filter(isWorker);
            workers.slice(0, mostWorkers).forEach((role, place) => node(cloud.name + "/" + role, role, left + 12 + pitch, first + place * (nodeH + 6), nodeW));
            for (const [role, column] of [["ingest", 0], ["encrypt", 2]]) if (cloud.stages.includes(role)) node(cloud.name + "/" + role, role, left + 12 + column * pitch, first, nodeW);
            if (workers.length > mostWorkers) boxes.append(svg("text", {x: left + 12, y: y + extent(cloud) - 12, class: "soft"}, `${workers.length - mostWorkers} more in the table`));
          });
          if (data.length > shown.length) boxes.append(svg("text", {x: 14, y: H - 8, class: "soft"}, `and ${data.length - shown.length} more clouds, in the table`));
          hubs.forEach((cloud, column) => {
            const h = 50 + cloud.stages.length * (nodeH + 10) + 3, x = W - 1 - (hubs.length - column) * hubW - (hubs.length - 1 - column) * hubGap;
            const y = Math.max(1, middle - 50 - nodeH / 2);
            card(cloud, x, y, hubW, h);
            cloud.stages.forEach((kind, row) => node(cloud.name + "/" + kind, kind, x + 10, y + 50 + row * (nodeH + 10), hubW - 20));
          });
          const wire = (from, to, d, kind, label) => {
            const path = svg("path", {d, class: "wire " + (kind || ""), "marker-end": "url(#tip)"});
            paths.append(path);
            wires[from + " " + to] = {path, d, label};
          };
          for (const link of state.links) {
            const a = place[link.from], b = place[link.to];
            if (!a || !b) continue;
            if (link.cargo === "shards" || link.cargo === "delta") wire(link.from, link.to, a.cy === b.cy ? `M${a.x + a.w} ${a.cy} H${b.x - 3}` : `M${a.x + a.w} ${a.cy} C ${a.x + a.w + 10} ${a.cy}, ${b.x - 14} ${b.cy}, ${b.x - 3} ${b.cy}`);
            if (link.cargo === "contribution") {
              const edge = left + cardW, label = svg("text", {x: edge + 7, y: a.cy - 8, class: "soft"});
              boxes.append(label);
              wire(link.from, link.to, `M${a.x + a.w} ${a.cy} H${edge + 46} C ${edge + 86} ${a.cy}, ${b.x - 52} ${b.cy}, ${b.x - 3} ${b.cy}`, "", label);
            }
            if (link.cargo === "sum") {
              const near = a.cloud === b.cloud, label = near ? null : svg("text", {x: (a.x + a.w + b.x) / 2, y: a.cy - 8, class: "soft", "text-anchor": "middle"});
              if (label) boxes.append(label);
              wire(link.from, link.to, near ? `M${a.cx} ${a.y + nodeH} V${b.y - 3}` : `M${a.x + a.w} ${a.cy} H${b.x - 3}`, "", label);
            }
            if (link.cargo === "contribution") {
              const publish = state.links.find(other => other.from === link.to && other.cargo === "sum");
              const p = publish && place[publish.to];
              if (p) wire(publish.to, link.from, `M${p.cx} ${p.y + nodeH} V${H - 14} Q${p.cx} ${H - 6} ${p.cx - 8} ${H - 6} H10 Q2 ${H - 6} 2 ${H - 14} V${a.cy + 8} Q2 ${a.cy} 10 ${a.cy} H${left - 2}`, "news");
            }
          }
          root.append(svg("text", {x: left + cardW + 8, y: H - 13, class: "soft"}, "openings and releases"));
          put($("map"), root);
        }

        function showChosen() {
          for (const [name, node] of Object.entries(nodes)) {
            node.group.classList.toggle("chosen", name === chosen);
            node.group.setAttribute("aria-pressed", String(name === chosen));
          }
        }

        function showMap() {
          drawMap();
          for (const stage of state.stages) {
            const node = nodes[stage.name];
            if (!node) continue;
            node.group.setAttribute("class", "node " + stage.state + (stage.troubles.length ? " hindered" : "") + (stage.name === chosen ? " chosen" : ""));
            const text = `${stage.name}: ${stage.state}${stage.detail ? " " + stage.detail : ""}` + stage.troubles.map(trouble => `; ${trouble.finding}: ${trouble.remedy}`).join("");
            say(node.mark, stage.troubles.length ? "!" : "");
            node.group.setAttribute("aria-label", text);
            say(node.title, text);
          }
          for (const transfer of state.traffic) {
            const key = transfer.from + " " + transfer.to, wire = wires[key];
            if (!wire) continue;
            wire.path.classList.toggle("used", transfer.transfers > 0 || transfer.bytes > 0);
            if (wire.label) say(wire.label, transfer.bytes > 0 ? bytes(transfer.bytes) : "");
            const before = seenTransfers[key];
            seenTransfers[key] = transfer;
            if (before && (transfer.transfers > before.transfers || transfer.bytes > before.bytes + 16384)) pulse(wire);
          }
        }

        function pulse(wire) {
          wire.path.classList.add("hot");
          clearTimeout(wire.timer);
          wire.timer = setTimeout(() => wire.path.classList.remove("hot"), 1200);
          if (still.matches) return;
          const drop = svg("circle", {r: 4.5, class: "drop"}), motion = svg("animateMotion", {dur: "0.9s", path: wire.d, begin: "indefinite", fill: "freeze"});
          drop.append(motion);
          $("drops").append(drop);
          motion.beginElement();
          setTimeout(() => drop.remove(), 950);
        }

        function showTroubles() {
          const list = state.stages.flatMap(stage => stage.troubles.map(trouble => ({stage: stage.name, ...trouble})));
          if (!list.length) return put($("troubles"), el("li", {class: "sub"}, "Nothing."));
          put($("troubles"), ...list.map(trouble => el("li", {}, el("b", {}, trouble.stage), ": ", el("span", {class: "attention"}, trouble.finding),
            el("span", {class: "sub number whole", "data-since": trouble.since, "data-past": trouble.past ? "1" : null}, ""), el("span", {class: "sub remedy"}, trouble.remedy))));
        }

        function showWaits() {
          // That a stage waits for the next one of its own cloud, or for publish's next word, is how a round goes.
          const cloud = name => name.split("/")[0];
          const list = state.waits.filter(wait => /\/(publish|aggregate)$/.test(wait.who) || wait.for.some(name => cloud(name) !== cloud(wait.who) && !/\/publish$/.test(name))).slice(0, 5);
          if (!list.length) return put($("waits"), el("li", {class: "sub"}, "Nobody."));
          put($("waits"), ...list.map(wait => el("li", {}, el("b", {}, wait.who), " waits for ", el("b", {}, wait.for.join(", ")),
            wait.what ? ": " + wait.what : "", wait.since ? el("span", {class: "sub number whole", "data-since": wait.since, "data-around": "1"}, "") : null)));
        }
        """#

    private static let curves = #"""

        function curve(holder, points, kind, digits, low, name) {
          const W = 420, H = 156, left = 38, right = 66, top = 10, bottom = 24;
          if (!points.length) return put(holder, el("p", {class: "sub"}, "Nothing has been released yet."));
          const values = points.map(point => point.y);
          let least = Math.min(...values, low ?? Infinity), most = Math.max(...values);
          if (most - least < 1e-6) { most += 0.05; least -= 0.05; }
          const rough = (most - least) / 3, power = 10 ** Math.floor(Math.log10(rough));
          const step = power * [1, 2, 2.5, 5, 10].find(factor => factor * power >= rough * 0.999);
          least = Math.floor(least / step + 1e-9) * step; most = Math.ceil(most / step - 1e-9) * step;
          const first = points[0].x, span = Math.max(1, points[points.length - 1].x - first);
          const X = x => left + (x - first) / span * (W - left - right), Y = y => top + (most - y) / (most - least) * (H - top - bottom);
          const last = points[points.length - 1];
          const root = svg("svg", {viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": `${name}: from ${points[0].y.toFixed(digits)} to ${last.y.toFixed(digits)} over ${points.length} points`});
          const places = step < 0.01 ? 3 : step < 0.1 || step === 0.25 ? 2 : 1;
          for (let i = 0; i <= Math.round((most - least) / step); i++) {
            const y = least + step * i;
            root.append(svg("line", {x1: left, x2: W - right, y1: Y(y), y2: Y(y), class: i ? "gridline" : "axis"}),
              svg("text", {x: left - 8, y: Y(y) + 4, class: "soft", "text-anchor": "end"}, y.toFixed(places)));
          }
          const marks = span <= 8 ? [...Array(span + 1).keys()].map(i => first + i) : [first, Math.round(first + span / 2), first + span];
          for (const x of marks) root.append(svg("text", {x: X(x), y: H - 6, class: "soft", "text-anchor": "middle"}, x));
          const line = points.filter(point => !point.test);
          root.append(svg("path", {class: "curve " + kind, d: line.map((point, i) => (i ? "L" : "M") + X(point.x).toFixed(1) + " " + Y(point.y).toFixed(1)).join(" ")}));
          if (points.length <= 60) for (const point of points) root.append(svg("circle", {cx: X(point.x), cy: Y(point.y), r: 3.5, class: "point " + kind + (point.test ? " test" : "")}));
          const end = line[line.length - 1] || last, tests = points.filter(point => point.test), test = tests[tests.length - 1];
          const near = test && Math.abs(Y(test.y) - Y(end.y)) < 15;
          root.append(svg("text", {x: X(end.x) + 9, y: Y(end.y) + 4 - (near ? (Y(test.y) > Y(end.y) ? 6 : -7) : 0), class: "value"}, end.y.toFixed(digits)));
          if (test) root.append(svg("text", {x: X(test.x) + 9, y: Y(test.y) + 4 + (near ? (Y(test.y) > Y(end.y) ? 7 : -6) : 0), class: "soft"}, "test " + test.y.toFixed(digits)));
          put(holder, root);
        }

        function showLearning() {
          const scores = state.scores.filter(score => score.auroc !== null);
          curve($("auroc"), scores.map(score => ({x: score.updates, y: score.auroc, test: score.split === "test"})), "", 3, 0.5, "AUROC");
          curve($("loss"), state.losses.filter(point => point.mean !== null).map(point => ({x: point.round, y: point.mean})), "loss", 3, null, "Training loss");
          const rows = state.scores.map(score => [score.round, "AUROC, " + score.split, fixed(score.auroc, 4)])
            .concat(state.losses.map(point => [point.round, "mean training loss", fixed(point.mean, 4)])).sort((a, b) => a[0] - b[0]);
          put($("scores").tBodies[0], ...rows.map(row => el("tr", {}, el("th", {scope: "row"}, row[0]), el("td", {}, row[1]), el("td", {class: "number"}, row[2]))));
        }
        """#

    private static let tables = #"""

        function showNow() {
          document.title = state.federation + ": Tributary";
          say($("federation"), state.federation);
          say($("about"), `run ${state.run} · ${state.suite}` + (state.suite === "clear" ? "" : ` · keys ${state.keys}`)
            + (state.cost && state.cost.total !== null ? ` · ${state.cost.total.toFixed(4)} ${state.cost.currency}` : ""));
          say($("method"), state.method ? `Updates: ${state.method}` : "");
          say($("privacy"), state.privacy ? `Privacy: ${state.privacy.words}` : "");
          say($("headline"), state.headline);
          const {done, of} = state.steps, bar = $("progress");
          bar.setAttribute("aria-valuemax", of); bar.setAttribute("aria-valuenow", done); bar.setAttribute("aria-valuetext", `${done} of ${of} steps`);
          bar.firstElementChild.style.width = of ? 100 * done / of + "%" : "0";
          figure($("t-steps"), String(done), `of ${of}`);
          const scores = state.scores.filter(score => score.auroc !== null), losses = state.losses.filter(point => point.mean !== null);
          figure($("t-auroc"), scores.length ? fixed(scores[scores.length - 1].auroc, 3) : "–", scores.length ? scores[scores.length - 1].split : "");
          figure($("t-loss"), losses.length ? fixed(losses[losses.length - 1].mean, 3) : "–", losses.length ? `round ${losses[losses.length - 1].round}` : "");
          const rate = (id, text) => { const [value, ...unit] = text.split(" "); figure($(id), value, (unit.join(" ") + " /s").trim()); };
          rate("t-bytes", bytes(state.rates.bytes)); rate("t-values", count(state.rates.values) + " values"); rate("t-events", state.rates.events.toFixed(state.rates.events < 10 ? 1 : 0));
        }

        const open = () => [...state.rounds].reverse().find(round => round.outcome === "open");

        function showStages() {
          put($("stages").tBodies[0], ...state.stages.map(stage => el("tr", {}, el("th", {scope: "row"}, stage.name), el("td", {}, stage.state),
            el("td", {class: "number"}, stage.since ? age(now() - stage.since) : "–"), el("td", {class: "wide"}, stage.detail, ...stage.troubles.map(trouble => el("div", {class: "attention"}, `${trouble.finding}: ${trouble.remedy}`))),
            el("td", {class: "number"}, stage.epoch), el("td", {class: "number"}, stage.events), el("td", {class: "number"}, stage.warnings))));
        }

        function showRounds() {
          const longest = Math.max(0.001, ...state.rounds.map(round => round.seconds));
          $("no-rounds").hidden = state.rounds.length > 0;
          put($("rounds").tBodies[0], ...[...state.rounds].reverse().map(round => {
            const told = round.segments.map(segment => `${segment.name} ${seconds(segment.seconds)}`).join(", ");
            const bar = el("div", {class: "bar", role: "img", "aria-label": told || "no phases yet", title: told});
            for (const segment of round.segments) {
              const part = el("span", {class: segment.name});
              part.style.width = 100 * segment.seconds / longest + "%";
              bar.append(part);
            }
            const result = round.outcome === "abandoned" ? el("span", {class: "bad"}, "abandoned" + (round.reason ? ": " + round.reason : ""))
              : round.outcome === "open" ? `${round.counted} of ${round.cohort.length} here`
              : round.auroc !== null ? `AUROC ${fixed(round.auroc, 3)}` : round.loss !== null ? `loss ${fixed(round.loss, 3)}` : "released";
            return el("tr", {class: round.outcome === "open" ? "now-open" : null}, el("th", {scope: "row"}, round.number), el("td", {}, round.title), el("td", {class: "wide"}, bar),
              el("td", {class: "number"}, seconds(round.seconds), round.predicted_seconds ? el("small", {class: "sub"}, " of " + seconds(round.predicted_seconds)) : null), el("td", {class: "number"}, round.bytes > 0 ? bytes(round.bytes) : "–"), el("td", {}, result));
          }));
        }

        function showMatrix() {
          const names = state.clouds.map(cloud => cloud.name), sums = {};
          let most = 0, measured = false;
          for (const transfer of state.traffic) {
            const key = transfer.from.split("/")[0] + " " + transfer.to.split("/")[0];
            const sum = sums[key] ||= {bytes: 0, transfers: 0, trip: null, jitter: null, goodput: null, at: 0};
            sum.bytes += transfer.bytes; sum.transfers += transfer.transfers;
            const trip = transfer.least_round_trip_seconds || transfer.round_trip_seconds;
            if (trip) sum.trip = Math.max(sum.trip || 0, trip);
            if (transfer.jitter_seconds) sum.jitter = Math.max(sum.jitter || 0, transfer.jitter_seconds);
            if (transfer.goodput && transfer.goodput_at >= sum.at) { sum.goodput = transfer.goodput; sum.at = transfer.goodput_at; }
            measured ||= transfer.measured;
            most = Math.max(most, sum.bytes);
          }
          const to = names.filter(name => names.some(from => sums[from + " " + name])), from = names.filter(name => names.some(other => sums[name + " " + other]));
          say($("matrix-note"), !to.length ? "Nothing has been sent yet." : measured ? "Bytes over the links since the stages started, before CURVE; what a link carries while transfers are on their way; round trips and jitter." : "Bytes sent between clouds, before CURVE; × counts transfers of unknown size.");
          put($("matrix").tHead, to.length ? el("tr", {}, el("th", {scope: "col"}, "from \\ to"), ...to.map(name => el("th", {scope: "col"}, name))) : null);
          put($("matrix").tBodies[0], ...from.map(row => el("tr", {}, el("th", {scope: "row"}, row), ...to.map(column => {
            const sum = sums[row + " " + column];
            if (!sum) return el("td", {}, el("span", {class: "hidden"}, "nothing"));
            const cell = el("td", {}, sum.bytes > 0 ? bytes(sum.bytes) : sum.transfers + " ×", sum.goodput ? el("small", {}, bytes(sum.goodput) + "/s") : null,
              sum.trip ? el("small", {}, seconds(sum.trip)) : null, sum.trip && sum.jitter ? el("small", {}, " ± " + seconds(sum.jitter)) : null);
            if (sum.bytes > 0) cell.style.background = `rgba(var(--heat), ${(0.05 + 0.17 * Math.log1p(sum.bytes) / Math.log1p(most)).toFixed(3)})`;
            return cell;
          }))));
        }
        """#

    private static let events = #"""

        const kept = [];
        let lastNumber = 0;

        function takeEvents() {
          if (state.event_count < lastNumber) { kept.length = 0; lastNumber = 0; put($("events").tBodies[0]); }
          const body = $("events").tBodies[0];
          for (const event of state.events) {
            if (event.n <= lastNumber) continue;
            lastNumber = event.n;
            const row = el("tr", {class: "level-" + event.level}, el("td", {class: "number"}, el("time", {datetime: new Date(event.time).toISOString()}, clock(event.time))),
              el("td", {}, event.stage), el("td", {class: "number"}, event.round || ""), el("td", {}, event.event, event.level === "warning" || event.level === "error" ? el("span", {class: "hidden"}, " (" + event.level + ")") : null),
              el("td", {class: "wide"}, event.text));
            const entry = {row, stage: event.stage, level: LEVELS[event.level] ?? 1, words: (event.stage + " " + event.event + " " + event.text).toLowerCase()};
            row.hidden = !passes(entry);
            kept.unshift(entry);
            body.prepend(row);
          }
          while (kept.length > 300) kept.pop().row.remove();
          $("no-events").hidden = kept.some(entry => !entry.row.hidden);
          const list = $("f-stage");
          if (list.options.length !== state.stages.length + 1) {
            put(list, el("option", {value: ""}, "all"), ...state.stages.map(stage => el("option", {value: stage.name}, stage.name)));
            list.value = chosen;
          }
        }

        function passes(entry) {
          const text = $("f-text").value.trim().toLowerCase();
          return (!chosen || entry.stage === chosen) && entry.level >= Number($("f-level").value) && (!text || entry.words.includes(text));
        }

        function filterEvents() {
          for (const entry of kept) entry.row.hidden = !passes(entry);
          $("no-events").hidden = kept.some(entry => !entry.row.hidden);
        }
        """#

    private static let following = #"""

        // What grows while one looks at it.
        function tick() {
          if (!state) return;
          say($("clock"), clock(now()) + " UTC");
          for (const stage of state.stages) {
            const node = nodes[stage.name];
            if (node) say(node.word, stage.state + (stage.since && stage.state !== "done" && stage.state !== "unknown" ? " " + brief(now() - stage.since) : ""));
          }
          for (const node of document.querySelectorAll("[data-since]")) say(node, " (" + age(now() - Number(node.dataset.since)) + (node.dataset.past ? " ago)" : ")"));
          const round = open();
          figure($("t-round"), round ? age(now() - round.opened) : "–", round ? round.purpose : "");
        }

        function show() { showNow(); showMap(); showWaits(); showTroubles(); showStages(); showLearning(); showRounds(); showMatrix(); takeEvents(); tick(); }

        put($("legend"), ...PHASES.map(name => el("li", {}, el("span", {class: name}), name)));
        $("filter").addEventListener("submit", event => event.preventDefault());
        $("f-text").addEventListener("input", filterEvents);
        $("f-level").addEventListener("change", filterEvents);
        $("f-stage").addEventListener("change", event => { chosen = event.target.value; showChosen(); filterEvents(); });

        const source = new EventSource(document.body.dataset.base + "stream");
        source.onopen = () => { say($("link"), "live"); $("link").classList.remove("off"); };
        source.onerror = () => { say($("link"), "not connected, trying again"); $("link").classList.add("off"); };
        source.onmessage = message => { state = JSON.parse(message.data); offset = state.now - Date.now(); show(); };
        setInterval(tick, 1000);
        """#
}
