// libTributaryTorch.so's one exported symbol; what it returns is described in CTorchInterface.h.
#pragma once

#include "CTorchInterface.h"

#ifdef __cplusplus
extern "C"
#endif
__attribute__((visibility("default")))
const tributary_torch_api *tributary_torch(uint32_t abi_version);
