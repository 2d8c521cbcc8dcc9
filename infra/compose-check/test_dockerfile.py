"""The image is what those who run it take for granted."""

import re
import unittest

from parts import ROOT, instruction, settings, stages, text


class Dockerfile(unittest.TestCase):
    def test_each_base_is_pinned(self):
        self.assertEqual(len(stages()), 3)
        for image, tag in stages().items():
            self.assertRegex(tag, r"^\d+\.\d+\.\d+-|^trixie-\d{8}-slim$", image)

    def test_rust_is_that_of_the_repository(self):
        (channel,) = re.findall(r'^channel = "(.*)"$', text("rust-toolchain.toml"), re.MULTILINE)
        self.assertEqual(stages()["rust"].split("-")[0], channel)

    def test_what_is_linked_against_is_there_at_run_time(self):
        """A binary does not run on an older C library than it was linked against."""
        self.assertEqual(stages()["rust"].split("-")[1], stages()["debian"].split("-")[0])

    def test_user_and_health_check_are_those_of_the_stacks_for_aws(self):
        image = text("infra/aws/lib/image.ts")
        (user,) = re.findall(r"USER = '(.*)'", image)
        self.assertEqual(instruction("USER"), user)
        (asks,) = re.findall(r"ALIVE = \['CMD-SHELL', `(.*) \|\| exit 1`\]", image)
        (port,) = re.findall(r"ADMIN = (\d+)", text("infra/aws/lib/ports.ts"))
        words = asks.replace("${String(ADMIN)}", port).split()
        check = instruction("HEALTHCHECK").split("CMD ")[1]
        self.assertEqual(re.findall(r'"(.*?)"', check), words)

    def test_it_runs_a_node(self):
        self.assertEqual([instruction("ENTRYPOINT"), instruction("CMD")], ['["collabcanvas"]', '["serve"]'])
        named = re.findall(r"COLLAB_\w+", instruction("ENV"))
        self.assertTrue(named and set(named) <= settings(), named)

    def test_all_that_it_copies_is_there_and_gets_in(self):
        ignored = text(".dockerignore").splitlines()
        copied = re.findall(r"^COPY (?!--from)(.*) \S+$", text("infra/Dockerfile"), re.MULTILINE)
        for name in " ".join(copied).split():
            self.assertTrue((ROOT / name).exists(), name)
            gets_in = [f"!{name.rstrip('/')}", f"!{name.split('/')[0]}"]
            self.assertTrue(any(line in ignored for line in gets_in), name)


if __name__ == "__main__":
    unittest.main()
