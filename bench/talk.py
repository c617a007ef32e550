"""A program that answers each line with one, for measuring in alternation."""

import subprocess

import federation


class Talk:
    def __init__(self, name, command, greeting=None, **options):
        self.name = name
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)
        if greeting and self.read() != greeting:
            self.fail("it did not start")

    def ask(self, line):
        try:
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            self.fail(f"gone before \"{line}\"")
        return self.read()

    def read(self):
        line = self.process.stdout.readline()
        if not line:
            self.fail("it ended")
        return line.strip()

    def fail(self, what):
        self.process.kill()
        said = self.process.stderr.read().strip().splitlines()[-4:]
        raise federation.Failed(f"{self.name}: {what}\n  " + "\n  ".join(said))

    def end(self):
        self.process.stdin.close()
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for pipe in (self.process.stdout, self.process.stderr):
            pipe.close()
