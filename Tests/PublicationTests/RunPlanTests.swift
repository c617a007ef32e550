import Federation
import Publication
import Testing

@Suite("The plan of a run")
struct RunPlanTests {
    @Test("Statistics come first, an evaluation before and after each update, the test last")
    func full() {
        let plan = RunPlan(statistics: true, updates: 2, validateEvery: 1, test: true)
        #expect(
            plan.steps == [
                .statistics, .evaluation(.validation), .update(index: 1), .evaluation(.validation), .update(index: 2),
                .evaluation(.validation), .evaluation(.test),
            ])
        #expect(plan.step(after: 0) == .statistics)
        #expect(plan.step(after: 6) == .evaluation(.test))
        #expect(plan.step(after: 7) == nil)
        #expect(plan.isLast(6) && !plan.isLast(5))
    }

    @Test("Evaluations come every so many updates, and not at all where none are asked for")
    func sparse() {
        #expect(
            RunPlan(statistics: false, updates: 3, validateEvery: 2, test: false).steps == [
                .evaluation(.validation), .update(index: 1), .update(index: 2), .evaluation(.validation),
                .update(index: 3),
            ])
        #expect(
            RunPlan(statistics: false, updates: 2, validateEvery: 0, test: false).steps
                == [.update(index: 1), .update(index: 2)])
        #expect(RunPlan(statistics: false, updates: 0, validateEvery: 1, test: false).steps.isEmpty)
    }

    @Test("Sensitivities are summed once, right before the first update, and not where there is none")
    func sensitivities() {
        #expect(
            RunPlan(statistics: true, sensitivity: true, updates: 2, validateEvery: 1, test: false).steps == [
                .statistics, .evaluation(.validation), .sensitivity, .update(index: 1), .evaluation(.validation),
                .update(index: 2), .evaluation(.validation),
            ])
        #expect(RunPlan(statistics: false, sensitivity: true, updates: 0, validateEvery: 0, test: false).steps.isEmpty)
    }
}
