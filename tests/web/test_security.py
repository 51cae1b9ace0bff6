"""Nobody comes in who was not let in, and who is in reaches nothing but what was named when the server was started."""

import itertools
import json
import re

from starlette.testclient import TestClient
from tests.web.conftest import ADDRESS, OURS

MARK = "nobody may read this"
CLIMBS = (
    "%2e%2e",
    "..%2f..%2fsecret.txt",
    "%2fetc%2fpasswd",
    "J1%2f..%2f..%2fsecret.txt",
    "J1%00",
    "x" * 5000,
)
KNOWN = {"p": "tri-snrnp", "j": "J1", "output": "map", "name": "log.txt"}


def list_routes(client: TestClient) -> list[tuple[str, str]]:
    """Return method and address of every call of the API, from its own description."""
    paths = client.get("/api/openapi.json").json()["paths"]
    return [(method.upper(), path) for path, methods in paths.items() for method in methods]


def fill(path: str, **words: str) -> str:
    return re.sub(r"\{(\w+)(?::path)?\}", lambda match: words.get(match[1], KNOWN[match[1]]), path)


def test_nothing_is_answered_without_a_cookie(server, sign_in, visit):
    stranger = visit(server, **OURS)
    paths = [
        *list_routes(sign_in(server)),
        ("GET", "/static/index.html"),
        ("GET", "/api/openapi.json"),
        ("GET", "/api/nothing"),
        ("GET", "/favicon.ico"),
    ]
    assert len(paths) > 40
    for method, path in paths:
        answer = stranger.request(method, fill(path), json={})
        assert answer.status_code == 401, (method, path)
        assert "triskelion serve" in answer.json()["error"]


def test_a_forged_cookie_is_none(server, visit):
    stranger = visit(server, **OURS)
    for value in ("", "x", "x.y", "1.2.3", "ffffffff.00.", "é.é.é", "0" * 10_000):
        assert stranger.get("/api/session", headers={"cookie": f"{server.rules.cookie}={value}".encode()}).status_code == 401, value


def test_a_cookie_ends_and_one_of_another_server_is_none(server, make_server, monkeypatch, sign_in, visit):
    client = sign_in(server)
    assert client.get("/api/session").status_code == 200
    stranger = visit(make_server(password="another"), **OURS)
    stranger.cookies = client.cookies
    assert stranger.get("/api/session").status_code == 401
    import time

    later = time.time() + 31 * 24 * 3600
    monkeypatch.setattr(time, "time", lambda: later)
    assert client.get("/api/session").status_code == 401


def test_the_printed_address_opens_the_page_once(server, visit):
    token = server.rules.sessions.token
    client = visit(server)
    answer = client.get(f"/?token={token}")
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie and "samesite=strict" in cookie and "path=/" in cookie
    assert answer.headers["referrer-policy"] == "same-origin"
    page = client.get("/")
    assert page.status_code == 200 and "importmap" in page.text
    assert client.get(f"/?token={token}").status_code == 303  # the same browser, from its history
    second = visit(server)
    assert second.get(f"/?token={token}").status_code == 401
    assert "set-cookie" not in second.get("/?token=wrong").headers
    assert second.get("/").status_code == 401
    assert visit(server).get(f"/?token={server.rules.sessions.token}").status_code == 303


FOREIGN_HOSTS = ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "", "127.0.0.1@evil.example", "10.0.0.7:8765"]


def test_a_foreign_host_is_refused(server, sign_in):
    client = sign_in(server)
    for host in FOREIGN_HOSTS:
        for path in ("/", "/api/session", "/static/index.html"):
            assert client.get(path, headers={"host": host}).status_code == 403, path


OWN_HOSTS = ["localhost:8765", "127.0.0.1:8765", "[::1]:8765", "LOCALHOST:9000"]


def test_this_machine_is_known_by_all_its_names_and_through_a_tunnel(server, sign_in):
    client = sign_in(server)
    for host in OWN_HOSTS:
        assert client.get("/api/session", headers={"host": host, "origin": f"http://{host}"}).status_code == 200


FOREIGN_PAGES = [
    {"origin": "http://evil.example"},
    {"origin": "null"},
    {"origin": "http://127.0.0.1:9999"},
    {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"},
    {"sec-fetch-site": "same-site", "sec-fetch-mode": "cors"},
]


def test_a_request_from_another_page_is_refused(server, sign_in):
    client = sign_in(server)
    for headers in FOREIGN_PAGES:
        assert client.get("/api/session", headers=headers).status_code == 403
        assert client.post("/api/p/tri-snrnp/workspaces", json={"title": "theirs"}, headers=headers).status_code == 403
        assert len(client.get("/api/p/tri-snrnp/workspaces").json()) == 1


def test_a_link_on_another_page_may_be_followed_to_the_page_and_to_nothing_else(server, sign_in):
    client = sign_in(server)
    client.headers.pop("origin")
    followed = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
    assert client.get("/", headers=followed).status_code == 200
    assert client.get("/api/session", headers=followed).status_code == 403


def test_a_write_needs_origin_and_header(server, project, sign_in, visit):
    client = sign_in(server)
    project.run("make")
    for missing in ("origin", "x-triskelion"):
        headers = {key: value for key, value in OURS.items() if key != missing}
        bare = visit(server, **headers)
        bare.cookies = client.cookies
        for method, path in list_routes(client):
            if method != "GET":
                assert bare.request(method, fill(path), json={}).status_code == 403, (method, path)
    assert [job.name for job in project.jobs] == ["J1"]


def test_a_read_only_view_changes_nothing(make_server, project, sign_in):
    project.run("make")
    client = sign_in(make_server(read_only=True))
    assert client.get("/api/session").json()["read_only"] is True
    writes = [(method, path) for method, path in list_routes(client) if method != "GET"]
    assert len(writes) > 12
    before = sorted(path.name for path in project.folder.rglob("*"))
    for method, path in writes:
        answer = client.request(method, fill(path), json={})
        assert (answer.status_code, "read-only" in answer.json()["error"]) == (403, True), (method, path)
    assert sorted(path.name for path in project.folder.rglob("*")) == before


def test_no_word_of_an_address_leads_out(server, project, data, sign_in):
    project.run("make")
    secret = project.folder.parent / "secret.txt"
    secret.write_text(MARK)
    client = sign_in(server)
    tried = 0
    for method, path in list_routes(client):
        for word, climb in itertools.product(re.findall(r"\{(\w+)", path), CLIMBS):
            answer = client.request(method, fill(path, **{word: climb}), json={})
            assert 400 <= answer.status_code < 500, (method, path, word, climb, answer.text)
            assert MARK not in answer.text
            tried += 1
    assert tried > 350
    assert secret.read_text() == MARK and [job.name for job in project.jobs] == ["J1"]


def test_no_path_in_a_request_leads_out(server, project, data, tmp_path_factory, sign_in):
    outside = tmp_path_factory.mktemp("outside")
    (outside / "map.mrc").write_text(MARK)
    (data / "link").symlink_to(outside)
    made = project.run("make")
    (made.folder / "link.txt").symlink_to(outside / "map.mrc")
    (made.folder / "inside.txt").symlink_to(made.log_path)
    client = sign_in(server)
    paths = [
        f"{outside}/map.mrc",
        f"{data}/link/map.mrc",
        "../../map.mrc",
        f"{data}/../../{outside.name}/map.mrc",
        "~root/x",
        "/etc/passwd",
        "x" * 5000,
        "a\0b",
    ]
    for path in paths:
        for parameters in ({"folder_path": path}, {"gate": path}):
            answer = client.post("/api/p/tri-snrnp/jobs", json={"type": "make", "parameters": parameters})
            assert answer.status_code == 400 and answer.json()["field"] in parameters, path
            checked = client.post("/api/p/tri-snrnp/check", json={"type": "make", "parameters": parameters}).json()
            assert not checked["ok"]
        assert client.post("/api/p/tri-snrnp/jobs", json={"type": "use", "parameters": {"volume": path}}).status_code == 400
        for folders in (client.get("/api/folders", params={"path": path}), client.post("/api/projects/open", json={"folder": path})):
            assert folders.status_code == 400
        assert client.post("/api/projects", json={"folder": path}).status_code == 400
    assert client.get("/api/p/tri-snrnp/j/J1/files/link.txt").status_code == 400
    assert client.get("/api/p/tri-snrnp/j/J1/files/inside.txt").status_code == 200
    assert [job.name for job in project.jobs] == ["J1"]


MALFORMED = [
    b"",
    b"{",
    b"[]",
    b"null",
    b"1",
    b'"x"',
    b"\xff\xfe",
    b"[" * 100_000,
    b'{"text":' * 30_000,
    b'{"text": 5}',
    b'{"text": "a", "more": 1}',
    b'{"text": NaN}',
]


def test_a_malformed_body_is_one_sentence(server, project, sign_in):
    project.run("make")
    client = sign_in(server)
    for body in MALFORMED:
        for kind in ("application/json", "text/plain", "multipart/form-data; boundary=x", "application/x-www-form-urlencoded"):
            answer = client.post("/api/p/tri-snrnp/j/J1/notes", content=body, headers={"content-type": kind})
            assert answer.status_code == 400, (kind, answer.text)
            assert set(answer.json()) == {"error", "field"}
        assert not project.job("J1").notes.notes


def test_a_body_that_is_too_large_is_refused_whatever_it_says_of_its_length(server, project, sign_in):
    project.run("make")
    client = sign_in(server)
    text = json.dumps({"text": "x" * 3 * 2**20})
    address = "/api/p/tri-snrnp/j/J1/notes"
    assert client.post(address, content=text, headers={"content-type": "application/json"}).status_code == 413
    assert client.post(address, content=iter([text.encode()]), headers={"content-type": "application/json"}).status_code == 413
    for length in ("-1", "many", "9" * 400):
        assert client.post(address, content=b"{}", headers={"content-length": length}).status_code == 413
    assert client.post("/login", content=text).status_code == 413
    assert not project.job("J1").notes.notes


ODD_VALUES = ["NaN", "Infinity", "-Infinity", "1e999", "1" * 400, '"\\ud800"', '{"\\ud800": 1}', "[[[[]]]]", "true", '{"a": {"b": []}}']


def test_odd_values_in_a_form_break_nothing(server, project, sign_in):
    client = sign_in(server)
    for number in ODD_VALUES:
        for name in ("level", "box_px", "kind", "folder_path", "unknown"):
            body = f'{{"type": "make", "parameters": {{"{name}": {number}}}}}'
            for address in ("check", "jobs"):
                answer = client.post(f"/api/p/tri-snrnp/{address}", content=body, headers={"content-type": "application/json"})
                assert answer.status_code < 500, (name, answer.text)


def test_html_stays_text(server, project, sign_in, visit):
    client = sign_in(server)
    script = "<script>alert(1)</script><img src=x onerror=alert(2)>"
    project.run("make", gate=None)
    answer = client.post("/api/p/tri-snrnp/j/J1/notes", json={"text": script})
    assert answer.json()["notes"][0]["text"] == script
    assert answer.headers["content-type"] == "application/json" and answer.headers["x-content-type-options"] == "nosniff"
    assert client.put("/api/p/tri-snrnp/j/J1/tags", json={"add": ["<b>"]}).status_code == 400
    assert client.post("/api/p/tri-snrnp/workspaces", json={"title": script}).status_code == 200
    assert client.get("/api/p/tri-snrnp/workspaces").json()[1]["title"] == script
    (project.job("J1").folder / "report.html").write_text(script)
    report = client.get("/api/p/tri-snrnp/j/J1/files/report.html")
    assert report.headers["content-disposition"].startswith("attachment")
    assert report.headers["content-type"] == "application/octet-stream"
    assert "sandbox" in report.headers["content-security-policy"]
    wrong = client.get(f"/api/p/{script.replace('/', '%2f')}/jobs")
    assert wrong.status_code == 404 and wrong.headers["content-type"] == "application/json"
    assert script not in visit(server).get("/", params={"token": script}).text


def test_the_page_runs_its_own_scripts_only(server, sign_in):
    policy = sign_in(server).get("/").headers["content-security-policy"]
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert re.fullmatch(r"'self' 'sha256-[\w+/]+=*'", rules["script-src"])
    assert rules["default-src"] == rules["connect-src"] == "'self'"
    assert rules["frame-ancestors"] == rules["base-uri"] == rules["object-src"] == "'none'"


def test_a_password_opens_a_view_that_is_reached_from_elsewhere(make_server, monkeypatch, visit):
    from triskelion.web import entrance

    monkeypatch.setattr(entrance, "AFTER_A_MISTAKE_S", 0.01)
    server = make_server(password="correct horse", hosts=frozenset({"node7"}), any_number=True)
    client = TestClient(server, base_url="http://node7:8765", follow_redirects=False)
    assert "password" in client.get("/").text
    origin = {"origin": "http://node7:8765"}
    assert client.post("/login", data={"password": "correct horse"}).status_code == 403  # from no page of ours
    assert client.post("/login", data={"password": "wrong"}, headers=origin).status_code == 401
    assert client.get("/api/session").status_code == 401
    assert client.post("/login", data={"password": "correct horse"}, headers=origin).status_code == 303
    assert client.get("/api/session").status_code == 200
    assert client.get("/api/session", headers={"host": "10.1.2.3:8765"}).status_code == 200
    assert client.get("/api/session", headers={"host": "evil.example"}).status_code == 403
    assert visit(make_server()).post("/login", data={"password": ""}, headers={"origin": ADDRESS}).status_code == 401
