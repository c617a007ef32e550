import Federation
import Monitoring
import Testing
import View

@Suite("What links measure")
struct LinkMetricsTests {
    @Test("bytes are those that left or those that came, whichever are more; round trips are the dialler's")
    func readings() throws {
        let (encrypt, aggregate) = (try StageName("north/encrypt"), try StageName("coordinator/aggregate"))
        let meters = (Meters(), Meters())
        meters.0.add(1000, to: .linkBytes, ["coordinator/aggregate", "sent"])
        meters.0.set(.roundTrip, ["coordinator/aggregate"], to: 0.025)
        meters.0.set(.peerUp, ["coordinator/aggregate"], to: 1)
        meters.0.add(70, to: .linkBytes, ["followers", "sent"])
        meters.1.add(1200, to: .linkBytes, ["north/encrypt", "received"])
        meters.1.add(300, to: .linkBytes, ["all", "sent"])
        var metrics = LinkMetrics()
        for (meters, stage) in [(meters.0, encrypt), (meters.1, aggregate)] {
            var exposition = Exposition()
            exposition.add(meters.readings(), labels: [("run", "demo"), ("cloud", "x"), ("stage", "y")])
            metrics.take(exposition.text, of: stage)
        }
        let pair = FederationView.Pair(from: encrypt, to: aggregate)
        #expect(
            metrics.readings == [
                pair: FederationView.LinkReading(bytes: 1200, roundTripSeconds: 0.025, bytesPerSecond: nil, isUp: true)
            ])
        var view = FederationView(try Story().plan)
        view.take(
            FederationView.LinkReading(bytes: 1, roundTripSeconds: nil, bytesPerSecond: nil, isUp: true), of: pair)
        #expect(view.readings.count == 1)
        let stranger = FederationView.Pair(from: encrypt, to: try StageName("nowhere/aggregate"))
        view.take(
            FederationView.LinkReading(bytes: 1, roundTripSeconds: nil, bytesPerSecond: nil, isUp: true), of: stranger)
        #expect(view.readings.count == 1)
    }

    @Test("what a link carries, and its jitter, are told by the end that receives")
    func received() throws {
        let (encrypt, aggregate) = (try StageName("north/encrypt"), try StageName("coordinator/aggregate"))
        let (dialler, hub) = (Meters(), Meters())
        dialler.set(.leastRoundTrip, ["coordinator/aggregate"], to: 0.02)
        dialler.set(.linkJitter, ["coordinator/aggregate"], to: 0.003)
        hub.set(.linkGoodput, ["north/encrypt"], to: 5e6)
        hub.set(.linkMeasured, ["north/encrypt"], to: 1_800_000_000)
        var metrics = LinkMetrics()
        for (meters, stage) in [(dialler, encrypt), (hub, aggregate)] {
            var exposition = Exposition()
            exposition.add(meters.readings(), labels: [])
            metrics.take(exposition.text, of: stage)
        }
        let up = try #require(metrics.readings[.init(from: encrypt, to: aggregate)])
        #expect(up.goodput == 5e6 && up.measuredAt == 1_800_000_000 && up.leastRoundTripSeconds == 0.02)
        #expect(up.jitterSeconds == nil)
        #expect(metrics.readings[.init(from: aggregate, to: encrypt)]?.jitterSeconds == 0.003)
        var view = FederationView(try Story().plan)
        for (pair, reading) in metrics.readings { view.take(reading, of: pair) }
        #expect(view.slowestLink?.reading.goodput == 5e6)
    }

    @Test("a link's series keeps its newest points")
    func series() throws {
        var story = try Story()
        for index in 1...5 {
            try story.tell(
                .linkMeasured, "coordinator/aggregate", at: Double(index),
                [.from: .text("north/encrypt"), .goodput: .real(Double(index))])
        }
        var limits = FederationView.Limits()
        limits.linkPoints = 3
        var view = FederationView(story.plan, limits: limits)
        for event in story.events { view.take(event) }
        let (encrypt, aggregate) = (try StageName("north/encrypt"), try StageName("coordinator/aggregate"))
        let points = try #require(view.series[.init(from: encrypt, to: aggregate)]).elements
        #expect(points.map(\.goodput) == [3, 4, 5])
    }

    @Test("lines that are no metrics, or name nobody, are passed over")
    func nonsense() throws {
        var metrics = LinkMetrics()
        for line in [
            "tributary_link_bytes_total{", "tributary_link_bytes_total{}", "tributary_peer_up{peer=\"x\"} 1",
            "tributary_link_bytes_total{peer=\"a/encrypt\",direction=\"sent\"} NaN", "tributary_peer_up}{ 1",
            "tributary_link_bytes_total{peer=\"a/encrypt} 5", "\u{0}", "# HELP x",
        ] {
            metrics.take(line, of: try StageName("north/encrypt"))
        }
        #expect(metrics.readings.isEmpty)
        metrics.take(
            "tributary_link_bytes_total{peer=\"a/encrypt\",direction=\"sent\"} 5", of: try StageName("north/encrypt"))
        #expect(metrics.readings.count == 1)
    }
}
