// What Swift imports as CTorchInterface.
#pragma once

#include "CTorchInterface.h"
