package import Federation

/// A transfer that arrived whole and is held until its stage has used it.
package struct Arrival: Sendable {
    package let offer: Offer
    package let offerBytes: [UInt8]
    package let signature: [UInt8]
    package let peer: StageName
    package let payload: Payload

    package init(offer: Offer, offerBytes: [UInt8], signature: [UInt8], peer: StageName, payload: Payload) {
        self.offer = offer
        self.offerBytes = offerBytes
        self.signature = signature
        self.peer = peer
        self.payload = payload
    }
}

/// A transfer that is to be sent until it is receipted.
package struct Departure: Sendable {
    package let offer: Signed<Offer>
    package let receiver: StageName
    package let payload: Payload

    package init(offer: Signed<Offer>, receiver: StageName, payload: Payload) {
        self.offer = offer
        self.receiver = receiver
        self.payload = payload
    }
}
