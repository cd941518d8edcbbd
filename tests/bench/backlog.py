#!/usr/bin/env python3
"""backlog: many snapshots due at once, by the real daemon over HTTP under Azure's rates.

    backlog.py AZURE-SIM SNAPKEEPD [DISKS]      figures, and the curve
    backlog.py --test AZURE-SIM SNAPKEEPD       fewer disks, as TAP: nobody answers 429

azure-sim's buckets hold, and fill, 20 times what Azure's do, so that minutes show what takes hours.
Half of each is ours (limits.api_share). What ARM's bucket of writes holds goes at once (2,000), more as
it fills (100 a second); when half of our 10,000 creations in 3 minutes is used up, the rest is spaced
(56 to 111 a second), and a backlog of 10,000 takes less than the 3 minutes.
"""
import os
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', 'integration'))

from rig import Daemon, Sim, Tap, end_all, policy  # noqa: E402

RATES = 20
# FACTS section 9: ARM's writes hold 200 and fill by 10 a second; 1,000 creations in 3 minutes.
ARM_SIZE, ARM_REFILL = 200 * RATES, 10 * RATES
WINDOW, WINDOW_S = 1000 * RATES, 180
DISKS, SHARE = 10000, 0.5
# More than ARM's bucket holds, so that who does not pace meets 429; and so much of it that it is soon over.
TEST_DISKS, TEST_SHARE = 4500, 0.9
EVERY_S = 10

tap = Tap()


def allowed(seconds):
    """The most creations that our share lets through so long after the first."""
    return SHARE * min(ARM_SIZE + ARM_REFILL * seconds, WINDOW * (1 + seconds // WINDOW_S))


def run(azure_sim, snapkeepd, folder, disks, share, curve):
    """(created, seconds from the first to the last creation, 429s)"""
    sim = Sim(azure_sim, folder, '--disks', disks, '--rates', RATES, '--operation-ms', 500)
    text = policy(sim, '  gold: {schedule: {every: 1d}}')
    daemon = Daemon(snapkeepd, folder, text.replace('{demo: true}', f'{{api_share: {share}}}'))
    began, before, line, end = None, 0, 0, time.monotonic() + 600
    while True:
        created, now = sim.stats()['effects']['created'], time.monotonic()
        if now > end or daemon.process.poll() is not None:
            raise AssertionError(f'{created} of {disks} were created\n{daemon.said()[-2000:]}')
        if began is None and created > 0:
            began = now
        if began is not None and (now - began >= line + EVERY_S or created == disks):
            line += EVERY_S
            curve(now - began, created, created - before)
            before = created
        if created == disks:
            break
        time.sleep(0.02)
    daemon.stop()
    throttled = sim.stats()['throttled']
    sim.end()
    return created, now - began, throttled


def print_line(seconds, created, fresh):
    bar = '#' * int(20 * fresh / (SHARE * ARM_REFILL * EVERY_S))
    print(f'  {seconds:6.1f} s {created:7} created {fresh:6} more  {bar}', flush=True)


@tap
def test(folder, azure_sim, snapkeepd):
    """a backlog over HTTP is answered by no 429"""
    created, seconds, throttled = run(azure_sim, snapkeepd, folder, TEST_DISKS, TEST_SHARE,
                                      lambda *_: None)
    if throttled:
        raise AssertionError(f'{throttled} answers were 429')
    print(f'# {created} created in {seconds:.1f} s')


def main():
    if sys.argv[1] == '--test':
        return tap.main(*sys.argv[2:])
    disks = int(sys.argv[3]) if len(sys.argv) > 3 else DISKS
    with tempfile.TemporaryDirectory(prefix='snapkeep-bench-') as folder:
        try:
            print(f'{disks} snapshots due at once, over HTTP, {RATES} times the rates of Azure, share {SHARE}.')
            created, seconds, throttled = run(*map(os.path.abspath, sys.argv[1:3]), folder, disks, SHARE,
                                              print_line)
        finally:
            end_all()
    print(f'{created} in {seconds:.1f} s, {100 * created / allowed(seconds):.1f} % of what our share lets '
          f'through in that time; {throttled} answers were 429')
    return 0


if __name__ == '__main__':
    sys.exit(main())
