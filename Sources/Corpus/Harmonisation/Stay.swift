/// One intensive-care stay as harmonised: what a record is written from. It stays inside its cloud.
package struct Stay: Sendable, Equatable {
    /// The schema's own identifiers.
    package let id: String
    package let patient: String
    /// In the order of the variable table, in its units; NaN where there is no value.
    package let values: [Double]
    /// Died in hospital.
    package let died: Bool

    package init(id: String, patient: String, values: [Double], died: Bool) {
        self.id = id
        self.patient = patient
        self.values = values
        self.died = died
    }

    package static func == (left: Stay, right: Stay) -> Bool {
        left.id == right.id && left.patient == right.patient && left.died == right.died
            && left.values.elementsEqual(right.values) { $0 == $1 || ($0.isNaN && $1.isNaN) }
    }
}
