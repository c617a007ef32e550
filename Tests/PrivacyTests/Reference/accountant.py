"""What dp-accounting makes of a grid of sampled Gaussian mechanisms, one a line: `rdp rate multiplier order value` and
`epsilon rate multiplier steps delta value`, at last `mixed value`."""
from absl import logging
import dp_accounting
from dp_accounting import rdp

logging.set_verbosity(logging.ERROR)
RATES = [0.001, 0.01, 0.1, 0.5, 1.0]
MULTIPLIERS = [0.5, 1.0, 2.0, 8.0]
STEPS = [1, 100, 10000]
DELTAS = [1e-5, 1e-8]


def event(rate, multiplier):
    gaussian = dp_accounting.GaussianDpEvent(multiplier)
    return gaussian if rate == 1 else dp_accounting.PoissonSampledDpEvent(rate, gaussian)


for rate in RATES:
    for multiplier in MULTIPLIERS:
        one = rdp.RdpAccountant()
        one.compose(event(rate, multiplier))
        for order, value in zip(one.orders, one.rdp):
            if order.is_integer() or round(10 * order) % 10 in (1, 5):
                print("rdp", rate, multiplier, repr(float(order)), repr(float(value)))
        for steps in STEPS:
            accountant = rdp.RdpAccountant()
            accountant.compose(event(rate, multiplier), steps)
            for delta in DELTAS:
                print("epsilon", rate, multiplier, steps, delta, repr(float(accountant.get_epsilon(delta))))
# Different mechanisms one after another.
mixed = rdp.RdpAccountant()
mixed.compose(event(0.01, 1.0), 300).compose(event(0.02, 1.5), 200).compose(event(1.0, 8.0), 7)
print("mixed", repr(float(mixed.get_epsilon(1e-5))))
