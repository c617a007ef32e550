// The engine's C interface; see Sources/Torch.
#pragma once
