package import Federation
package import Safetensors

/// Why an adapter, its settings or its base model was refused.
package enum AdapterError: Error, Equatable, CustomStringConvertible {
    /// A setting out of its bounds.
    case setting(String)
    /// config.json of the base model.
    case baseModel(String)
    /// adapter_config.json of a PEFT folder.
    case configuration(String)
    /// adapter_model.safetensors of a PEFT folder.
    case weights(String)
    /// A vector of trained values that does not fit the layout.
    case values(String)
    case file(SafetensorsError)
    case layout(FederationError)

    package var description: String {
        switch self {
        case .setting(let reason): "adapter setting: \(reason)"
        case .baseModel(let reason): "config.json of the base model: \(reason)"
        case .configuration(let reason): "adapter_config.json: \(reason)"
        case .weights(let reason): "adapter_model.safetensors: \(reason)"
        case .values(let reason): "adapter values: \(reason)"
        case .file(let error): error.description
        case .layout(let error): error.description
        }
    }
}
