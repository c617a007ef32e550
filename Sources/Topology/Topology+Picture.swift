internal import Federation

extension Topology {
    /// The topology as a self-contained SVG that follows the reader's light or dark setting.
    package var picture: String {
        var canvas = Canvas()
        let data = clouds.filter(\.holdsData)
        let rowHeight = 118
        let top = 92
        let workerHeight = 46
        func extra(_ cloud: Cloud) -> Int { max(0, cloud.workers.count - 1) * workerHeight }
        let tops = data.reduce(into: [top]) { $0.append($0[$0.count - 1] + rowHeight + extra($1)) }
        let bodyHeight = max(tops[data.count] - top, 240)
        let middle = top + bodyHeight / 2 - 9
        let aggregateX = 700
        let publishX = 970
        let below = middle + 112

        canvas.text(24, 34, "\(federation)", "title")
        canvas.text(24, 56, "run \(run) · suite \(suite) · keys \(keysName)", "small")

        for (index, cloud) in data.enumerated() {
            let y = tops[index]
            let bottom = y + extra(cloud)
            canvas.cloud(24, y, 500, 104 + extra(cloud), "\(cloud.name)", cloud.owner)
            for (column, kind) in [StageKind.ingest, .localTrain, .encrypt].enumerated() {
                canvas.stage(40 + column * 168, y + 38, 116, kind.rawValue, kind == .encrypt && suite != .clear)
            }
            canvas.arrow("M156 \(y + 57) H206", "inner", label: (181, y + 51, "shards"))
            canvas.arrow("M324 \(y + 57) H374", "inner", label: (349, y + 50, "delta"))
            for (place, worker) in cloud.workers.enumerated().dropFirst() {
                let row = y + place * workerHeight
                canvas.stage(208, row + 38, 116, worker.stage.role.description, false)
                canvas.arrow("M156 \(y + 57) C181 \(y + 57) 181 \(row + 57) 206 \(row + 57)", "inner")
                canvas.arrow("M324 \(row + 57) C349 \(row + 57) 349 \(y + 57) 374 \(y + 57)", "inner")
            }
            canvas.arrow(
                "M98 \(y + 76) V\(bottom + 92) H420 V\(y + 78)", "inner", label: (259, bottom + 88, "statistics"))
            canvas.arrow(
                "M492 \(y + 57) H544 V\(middle) H\(aggregateX - 2)", "outer",
                label: index == 0 ? (640, middle - 8, suite == .clear ? "clear!" : "encrypted") : nil)
            if let shown = shownByAggregate {
                canvas.arrow(
                    "M\(aggregateX) \(middle + 18) H560 V\(y + 71) H494", "shown",
                    label: index == 0 ? (640, middle + 34, shown.rawValue) : nil)
            }
            if let help = helpWithOpening {
                canvas.arrow(
                    "M492 \(y + 43) H576 V\(below) H\(publishX + 100) V\(middle + 98)", "help",
                    label: index == 0 ? (publishX - 20, below - 6, help.rawValue) : nil)
            }
        }

        hub(
            aggregate, x: aggregateX, middle: middle,
            suite == .clear ? ["adds clear updates"] : ["adds ciphertexts,", "holds no key"], &canvas)
        hub(
            publish, x: publishX, middle: middle,
            publishDoes, &canvas)
        canvas.arrow(
            "M\(aggregateX + 200) \(middle) H\(publishX - 2)", "outer", label: (aggregateX + 235, middle - 8, "sum"))
        canvas.arrow(
            "M\(publishX + 100) \(middle - 70) V72 H274 V\(top - 2)", "news",
            label: (590, 64, "openings and releases, to every stage"))

        let bottom = max(top + bodyHeight, below) + 24
        canvas.text(
            24, bottom, "Clouds dial; aggregate and publish listen. Between clouds: tcp with CURVE, known keys only.",
            "small")
        canvas.text(
            24, bottom + 40,
            "Framed in green: where updates are encrypted, and where \(suite == .secagg ? "masks" : "keys of sums") are.",
            suite == .clear ? "hidden" : "small")
        canvas.text(24, bottom + 20, "keys \(keysName): \(trust).", "small")
        return canvas.document(width: 1194, height: bottom + 60, title: "Topology of \(federation)")
    }

    /// Under `secagg` it holds masks of its own, which aggregate's sums stay under.
    private var publishHoldsKey: Bool { suite == .secagg || (suite == .paillier && !cloudsOpen) }

    private var publishDoes: [String] {
        switch suite {
        case .clear: ["opens sums", "signs releases"]
        case .secagg: ["takes the masks off sums,", "signs releases"]
        case .paillier where cloudsOpen: ["puts shares together,", "holds no key of sums"]
        case .paillier: ["holds the key of sums", "signs releases"]
        }
    }

    private func hub(_ name: StageName, x: Int, middle: Int, _ notes: [String], _ canvas: inout Canvas) {
        guard let stage = stage(name), let cloud = cloud(name.cloud) else { return }
        canvas.cloud(x, middle - 70, 200, 166, "\(cloud.name)", stage.owner)
        canvas.stage(x + 16, middle - 30, 168, name.kind.rawValue, name == publish && publishHoldsKey)
        if let listener = stage.listener {
            canvas.text(x + 16, middle + 24, "\(listener.advertise)", "small")
            canvas.text(x + 16, middle + 40, "work \(listener.work) · news \(listener.news)", "small")
        }
        for (row, note) in notes.enumerated() {
            canvas.text(x + 16, middle + 62 + 16 * row, note, "small")
        }
    }
}

/// The few shapes of the picture.
private struct Canvas {
    private var body = ""

    mutating func text(_ x: Int, _ y: Int, _ text: String, _ style: String) {
        body += "<text x=\"\(x)\" y=\"\(y)\" class=\"\(style)\">\(escaped(text))</text>\n"
    }

    mutating func cloud(_ x: Int, _ y: Int, _ width: Int, _ height: Int, _ name: String, _ owner: String) {
        body += "<rect x=\"\(x)\" y=\"\(y)\" width=\"\(width)\" height=\"\(height)\" rx=\"10\" class=\"cloud\"/>\n"
        text(x + 16, y + 24, name, "name")
        body +=
            "<text x=\"\(x + width - 16)\" y=\"\(y + 24)\" class=\"small\" text-anchor=\"end\">\(escaped(owner))</text>\n"
    }

    /// `locked` marks the stages that hold what opens or closes the encryption.
    mutating func stage(_ x: Int, _ y: Int, _ width: Int, _ name: String, _ locked: Bool) {
        body +=
            "<rect x=\"\(x)\" y=\"\(y)\" width=\"\(width)\" height=\"38\" rx=\"6\" class=\"stage\(locked ? " locked" : "")\"/>\n"
        body +=
            "<text x=\"\(x + width / 2)\" y=\"\(y + 24)\" class=\"stagename\" text-anchor=\"middle\">\(escaped(name))</text>\n"
    }

    mutating func arrow(_ path: String, _ style: String, label: (x: Int, y: Int, text: String)? = nil) {
        body += "<path d=\"\(path)\" class=\"\(style)\" marker-end=\"url(#\(style)-head)\"/>\n"
        if let label {
            body +=
                "<text x=\"\(label.x)\" y=\"\(label.y)\" class=\"label\" text-anchor=\"middle\">\(escaped(label.text))</text>\n"
        }
    }

    func document(width: Int, height: Int, title: String) -> String {
        let heads = ["inner", "outer", "shown", "help", "news"].map { style in
            "<marker id=\"\(style)-head\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"8\" markerHeight=\"8\" "
                + "markerUnits=\"userSpaceOnUse\" orient=\"auto\"><path d=\"M0 0 L8 4 L0 8 Z\" class=\"\(style)-fill\"/></marker>"
        }.joined()
        return """
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(width) \(height)" width="\(width)" height="\(height)" role="img">
            <title>\(escaped(title))</title>
            <style>
            svg { --paper: #ffffff; --ink: #1b2430; --soft: #5b6878; --cloud: #f3f6fa; --edge: #c3ccd8; --stage: #ffffff;
              --key: #0b7a5b; --wire: #b4541a; --news: #5a6acf; background: var(--paper);
              font-family: system-ui, "Segoe UI", "DejaVu Sans", sans-serif; }
            @media (prefers-color-scheme: dark) { svg { --paper: #12171e; --ink: #e6ebf2; --soft: #9aa7b8; --cloud: #1a222c;
              --edge: #3a4656; --stage: #232d3a; --key: #3ccf9f; --wire: #f2995a; --news: #93a1ff; } }
            text { fill: var(--ink); font-size: 13px; }
            .title { font-size: 20px; font-weight: 600; } .name { font-weight: 600; font-size: 14px; }
            .small { fill: var(--soft); font-size: 12px; } .label { fill: var(--soft); font-size: 11px; }
            .hidden { display: none; }
            .cloud { fill: var(--cloud); stroke: var(--edge); } .stage { fill: var(--stage); stroke: var(--edge); }
            .locked { stroke: var(--key); stroke-width: 2; } .inner, .outer, .shown, .help, .news { fill: none; }
            .inner { stroke: var(--soft); stroke-width: 1.5; } .outer { stroke: var(--wire); stroke-width: 2; }
            .news { stroke: var(--news); stroke-width: 1.5; stroke-dasharray: 5 4; }
            .shown { stroke: var(--wire); stroke-width: 1.5; stroke-dasharray: 2 3; }
            .help { stroke: var(--key); stroke-width: 1.5; }
            .shown-fill { fill: var(--wire); } .help-fill { fill: var(--key); }
            .inner-fill { fill: var(--soft); } .outer-fill { fill: var(--wire); } .news-fill { fill: var(--news); }
            </style>
            <defs>\(heads)</defs>
            <rect width="\(width)" height="\(height)" fill="var(--paper)"/>
            \(body)</svg>

            """
    }

    private func escaped(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
            .replacing("\"", with: "&quot;")
    }
}
