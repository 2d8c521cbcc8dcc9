"""The parts of the cluster fit each other. Whether it runs, `make compose-test` sees, where there is Docker."""

import json
import os
import re
import shutil
import subprocess
import sys
import unittest
from pathlib import Path
from urllib.parse import urlsplit

import yaml

from parts import ROOT, compose, nodes, services, settings, text

ADMIN, CLIENTS = 9464, 8080
HAPROXY = "infra/haproxy/haproxy.cfg"


def run(*line):
    """What a program says; its path may be where Debian keeps those of root."""
    path = os.pathsep.join([os.environ["PATH"], "/usr/sbin", str(Path(sys.executable).parent)])
    return subprocess.run([shutil.which(line[0], path=path) or line[0], *line[1:]], cwd=ROOT, capture_output=True, text=True)


class Compose(unittest.TestCase):
    def test_it_has_the_form_that_compose_wants(self):
        said = run("check-jsonschema", "--builtin-schema", "vendor.compose-spec", "docker-compose.yml")
        self.assertEqual(said.returncode, 0, said.stdout + said.stderr)

    def test_compose_takes_it(self):
        if run("docker", "compose", "version").returncode != 0:
            self.skipTest("there is no docker compose")
        for profile, count in (("deps", 3), ("cluster", 9)):
            said = run("docker", "compose", "--profile", profile, "config", "--format", "json")
            self.assertEqual(said.returncode, 0, said.stderr)
            self.assertEqual(len(json.loads(said.stdout)["services"]), count)

    def test_each_image_has_a_version(self):
        for name, service in services().items():
            self.assertRegex(service["image"], r":v?\d+\.\d+\.\d+$|^collabcanvas:dev$", name)

    def test_it_is_published_on_this_machine_alone(self):
        published = [port for service in services().values() for port in service.get("ports", [])]
        self.assertGreater(len(published), 4)
        for port in published:
            self.assertTrue(port.startswith("127.0.0.1:"), port)
        self.assertFalse([name for name in nodes() if "ports" in services()[name]], "clients must not reach an admin listener")

    def test_who_is_waited_for_says_that_it_is_ready(self):
        for service in services().values():
            for name, wanted in service.get("depends_on", {}).items():
                if wanted["condition"] == "service_healthy":
                    self.assertIn("healthcheck", services()[name], name)

    def test_the_stores_are_in_both_profiles_and_the_rest_in_one(self):
        stores = {name for name, service in services().items() if service["profiles"] == ["deps", "cluster"]}
        self.assertEqual(stores, {"redis-data", "redis-routing", "dynamodb-local"})
        self.assertTrue(all("cluster" in service["profiles"] for service in services().values()))

    def test_redis_keeps_nothing_and_evicts_nothing(self):
        for name in ("redis-data", "redis-routing"):
            line = " ".join(services()[name]["command"])
            self.assertIn("--maxmemory-policy noeviction", line)
            self.assertIn("--save  --appendonly no", line)

    def test_the_stand_in_for_dynamodb_is_the_one_that_is_tested_with(self):
        (version,) = re.findall(r"DynamoDBLocal</artifactId>\s*<version>(.*)</version>", text("tests/dynamodb/local/pom.xml"))
        self.assertEqual(services()["dynamodb-local"]["image"].split(":")[1], version)

    def test_nobody_runs_as_root_who_is_ours(self):
        ours = [service for service in services().values() if service["image"].startswith("collabcanvas")]
        self.assertEqual(len(ours), 3)
        for service in ours:
            self.assertTrue(service["read_only"] and service["cap_drop"] == ["ALL"] and "user" not in service)


class Nodes(unittest.TestCase):
    def test_each_setting_is_in_the_readme(self):
        named = {name for service in services().values() for name in service.get("environment", {}) if name.startswith("COLLAB_")}
        self.assertGreater(len(named), 8)
        self.assertEqual(named - settings(), set())

    def test_they_are_alike_and_reach_the_stores(self):
        one, two = (node["environment"] for node in nodes().values())
        self.assertEqual(one, two)
        self.assertEqual(services()["table"]["environment"]["COLLAB_DURABLE_URL"], one["COLLAB_DURABLE_URL"])
        endpoint = one["COLLAB_DURABLE_URL"].split("endpoint=")[1]
        for url in (one["COLLAB_REDIS_URL"], one["COLLAB_REDIS_ROUTING_URL"], endpoint):
            self.assertIn(urlsplit(url).hostname, services())

    def test_they_listen_where_they_are_looked_for(self):
        for node in nodes().values():
            self.assertEqual(node["environment"]["COLLAB_LISTEN"], f"0.0.0.0:{CLIENTS}")
            self.assertEqual(node["environment"]["COLLAB_ADMIN_LISTEN"], f"0.0.0.0:{ADMIN}")

    def test_secrets_are_long_enough(self):
        for node in nodes().values():
            self.assertGreaterEqual(len(node["environment"]["COLLAB_AUTH_KEYS"].removeprefix("secret:")), 32)
            self.assertGreaterEqual(len(node["environment"]["COLLAB_ADMIN_TOKEN"]), 16)

    def test_they_believe_the_balancer_and_nobody_else(self):
        address = services()["haproxy"]["networks"]["default"]["ipv4_address"]
        for node in nodes().values():
            self.assertEqual(node["environment"]["COLLAB_TRUSTED_PROXIES"], address)
        (network,) = compose()["networks"]["default"]["ipam"]["config"]
        prefix = address.rsplit(".", 1)[0]
        self.assertEqual(network, {"subnet": f"{prefix}.0/24", "ip_range": f"{prefix}.128/25"})

    def test_they_have_the_time_to_say_goodbye(self):
        (grace,) = re.findall(r"`COLLAB_GRACE_SECONDS` \|.*?\| `(\d+)` \|", text("README.md"))
        for node in nodes().values():
            self.assertGreater(int(node["stop_grace_period"].removesuffix("s")), int(grace))


class Balancer(unittest.TestCase):
    def test_haproxy_takes_its_configuration(self):
        said = run("haproxy", "-c", "-f", HAPROXY)
        self.assertEqual(said.returncode, 0, said.stdout + said.stderr)
        # The names of nodes are those of Docker's network.
        warnings = [line for line in said.stderr.splitlines() if "WARNING" in line and "could not resolve address 'node-" not in line]
        self.assertEqual(warnings, [])

    def test_it_has_each_node_and_asks_whether_it_is_ready(self):
        servers = re.findall(r"^  server (\S+) (\S+)$", text(HAPROXY), re.MULTILINE)
        self.assertEqual(servers, [(name, f"{name}:{CLIENTS}") for name in nodes()])
        self.assertIn(f"check port {ADMIN}", text(HAPROXY))
        self.assertIn("uri /readyz", text(HAPROXY))

    def test_it_outwaits_several_pings(self):
        (heartbeat,) = re.findall(r"`COLLAB_HEARTBEAT_SECONDS` \|.*?\| `(\d+)` \|", text("README.md"))
        (tunnel,) = re.findall(r"timeout tunnel (\d+)s", text(HAPROXY))
        self.assertGreaterEqual(int(tunnel), 3 * int(heartbeat))


class Watched(unittest.TestCase):
    def test_prometheus_asks_each_node(self):
        (job,) = yaml.safe_load(text("infra/observability/prometheus.yml"))["scrape_configs"]
        (targets,) = (part["targets"] for part in job["static_configs"])
        self.assertEqual(targets, [f"{name}:{ADMIN}" for name in nodes()])

    def test_what_is_mounted_is_there(self):
        mounted = [volume for service in services().values() for volume in service.get("volumes", []) if volume.startswith("./")]
        self.assertGreater(len(mounted), 4)
        for volume in mounted:
            source, _, mode = volume.split(":")
            self.assertTrue((ROOT / source).exists() and mode == "ro", volume)

    def test_grafana_finds_prometheus_and_the_board(self):
        (source,) = yaml.safe_load(text("infra/observability/grafana/provisioning/datasources/prometheus.yml"))["datasources"]
        self.assertIn(urlsplit(source["url"]).hostname, services())
        (provider,) = yaml.safe_load(text("infra/observability/grafana/provisioning/dashboards/collabcanvas.yml"))["providers"]
        volumes = services()["grafana"]["volumes"]
        self.assertIn(f"./infra/observability/grafana/dashboards:{provider['options']['path']}:ro", volumes)


if __name__ == "__main__":
    unittest.main()
