#!/usr/bin/python3
"""page.py --host HOST:PORT --telnet HOST:PORT --run-dir DIR [--axe FILE] [--pictures DIR] [TEST...]

Tests the page of the chat in a real Chromium, beside people at a telnet.

A chatd and two launchers of sessions already run, with this run directory. The port of --host serves the page. The port
of --telnet serves people at a telnet, without a limit on their pace. test-page.c starts chatd again when it is killed.
FILE is axe.min.js of the npm package axe-core; without FILE, test_axe is skipped. Pictures of the page go to DIR. Each
test needs a chat of its own, in which nobody has said anything.

Each wait is for an event, and fails after DEADLINE_S.
"""
import argparse
import os
import re
import signal
import socket
import threading
import time
import unittest

from selenium import webdriver
from selenium.common.exceptions import TimeoutException
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

DEADLINE_S = 60
STARTS = 3  # of a Chromium that does not load the page
PHONE = {"width": 360, "height": 640, "pixelRatio": 2.0, "mobile": True, "touch": True}
KILLS = 20
MANY = 10_000
KEPT = 100  # how many past lines the chat shows at once
MINE = 60  # more lines than the pace lets through at once
SHOWN_MAX = 500  # SHOWN_MAX and LINES_MAX of page.js
LINES_MAX = 2000
OPTIONS = None


def wait_for(what, condition):
    """Waits until the condition is true. Returns its value."""
    deadline = time.monotonic() + DEADLINE_S
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"waited for {what}")
        time.sleep(0.02)
    return value


def processes(program):
    """Returns the pids of a program of this chat, the oldest first."""
    pids = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                words = file.read().decode(errors="replace").split("\0")
            with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
                began = int(file.read().rpartition(")")[2].split()[19])
        except OSError:
            continue
        if os.path.basename(words[0]) == program and f"--run-dir={OPTIONS.run_dir}" in words:
            pids.append((began, int(pid)))
    return [pid for _, pid in sorted(pids)]


def kill_broker():
    """Kills chatd, and waits until the next one runs."""
    pids = wait_for("a chatd", lambda: processes("chatd"))
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    wait_for("the next chatd", lambda: set(processes("chatd")) - set(pids))


class Cable:
    """A network between a browser and the server: a TCP relay that can be closed, or fall silent."""

    def __init__(self):
        self.listener = None
        self.sockets = []
        self.is_silent = False
        self.port = 0
        self.mend()

    def mend(self):
        """Lets new connections through. Earlier connections stay lost."""
        self.close()
        self.is_silent = False
        self.listener = socket.create_server(("127.0.0.1", self.port))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, args=(self.listener,), daemon=True).start()

    def close(self):
        """Closes the port and all connections."""
        if self.listener:
            self.listener.shutdown(socket.SHUT_RDWR)
            self.listener.close()
            self.listener = None
        for s in self.sockets:
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self.sockets = []

    def accept(self, listener):
        while True:
            try:
                client, _ = listener.accept()
                server = socket.create_connection(OPTIONS.host)
            except OSError:
                return
            self.sockets += [client, server]
            threading.Thread(target=self.carry, args=(client, server), daemon=True).start()
            threading.Thread(target=self.carry, args=(server, client), daemon=True).start()

    def carry(self, source, sink):
        try:
            while data := source.recv(65536):
                if not self.is_silent:
                    sink.sendall(data)
        except OSError:
            pass
        for s in (source, sink):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


class Telnet:
    """A person at a telnet."""

    def __init__(self, name):
        self.socket = socket.create_connection(OPTIONS.telnet)
        self.got = ""
        self.condition = threading.Condition()
        threading.Thread(target=self.read, daemon=True).start()
        self.expect(r"\*\*\* Welcome, ")
        self.send(f"/nick {name}")
        self.expect(f"You are now called {name}")

    def read(self):
        bytes_got = b""
        while data := self.recv():
            bytes_got += data
            with self.condition:
                self.got = bytes_got.decode(errors="replace")
                self.condition.notify_all()

    def recv(self):
        try:
            return self.socket.recv(65536)
        except OSError:
            return b""

    def send(self, *lines):
        self.socket.sendall("".join(f"{line}\r\n" for line in lines).encode())

    def expect(self, pattern):
        with self.condition:
            if not self.condition.wait_for(lambda: re.search(pattern, self.got), DEADLINE_S):
                raise AssertionError(f"waited for {pattern!r} in {self.got[-2000:]!r}")

    def heard(self, pattern):
        """Returns all text that was shown and matches."""
        return re.findall(pattern, self.got)

    def close(self):
        self.socket.close()


class Page:
    """A page in a Chromium of its own, which may be a phone's from the beginning."""

    def __init__(self, name, cable=None, is_opened=True, is_phone=False):
        self.url = f"http://127.0.0.1:{cable.port}/" if cable else "http://{}:{}/".format(*OPTIONS.host)
        for left in reversed(range(STARTS)):
            self.driver = self.start(is_phone)
            try:
                self.driver.get(self.url)
                break
            except TimeoutException:  # on a busy machine, a part of Chromium may never answer another
                self.driver.quit()
                if left == 0:
                    raise
        if is_opened:
            self.give_name(name)

    @staticmethod
    def start(is_phone):
        options = webdriver.ChromeOptions()
        for argument in ("headless=new", "no-sandbox", "disable-dev-shm-usage", "disable-gpu", "window-size=1200,800"):
            options.add_argument(f"--{argument}")
        if is_phone:
            options.add_experimental_option("mobileEmulation", {"deviceMetrics": PHONE})
        driver = webdriver.Chrome(options=options, service=webdriver.chrome.service.Service("/usr/bin/chromedriver"))
        driver.set_page_load_timeout(DEADLINE_S)
        driver.set_script_timeout(DEADLINE_S)
        return driver

    def give_name(self, name):
        self.at("name").send_keys(name, Keys.ENTER)
        self.until_state("open")
        wait_for(f"the name {name}", lambda: name in self.at("state-text").text)
        wait_for("the lobby", lambda: self.at("title").text == "lobby")

    def at(self, element):
        return self.driver.find_element(By.ID, element)

    def run(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def until_state(self, state):
        wait_for(f"the state {state}", lambda: self.at("state").get_attribute("data-state") == state)

    def say(self, text):
        self.at("input").send_keys(text, Keys.ENTER)

    def enter(self, room):
        self.say(f"/join {room}")
        wait_for(f"the room {room}", lambda: self.at("title").text == room)

    def go(self, room):
        """Opens a conversation by a click in the list."""
        self.run(
            "[...document.querySelectorAll('#rooms button, #privates button')]"
            ".find((b) => b.firstChild.textContent === arguments[0]).click()", room)
        wait_for(f"the room {room}", lambda: self.at("title").text == room)

    def lines(self, pattern=""):
        """Returns the texts of the lines that are in the page and match."""
        texts = self.run("return [...document.querySelectorAll('#lines > .said > .text')].map((e) => e.textContent)")
        return [text for text in texts if re.search(pattern, text)]

    def until_line(self, text):
        wait_for(f"the line {text!r}", lambda: text in self.lines())

    def picture(self, name):
        if OPTIONS.pictures:
            os.makedirs(OPTIONS.pictures, exist_ok=True)
            self.driver.save_screenshot(os.path.join(OPTIONS.pictures, f"{name}.png"))

    def phone(self):
        self.driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": PHONE["width"], "height": PHONE["height"], "deviceScaleFactor": PHONE["pixelRatio"], "mobile": True})

    def colors(self, scheme):
        self.driver.execute_cdp_cmd(
            "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]})

    def close(self):
        self.driver.quit()


class PageTest(unittest.TestCase):
    def page(self, name, *arguments, **options):
        page = Page(name, *arguments, **options)
        self.addCleanup(page.close)
        return page

    def telnet(self, name):
        telnet = Telnet(name)
        self.addCleanup(telnet.close)
        return telnet

    def cable(self):
        cable = Cable()
        self.addCleanup(cable.close)
        return cable

    def assert_is_text(self, page):
        """Asserts that the page has only lines, names, times and safe links."""
        tags = page.run("return [...document.querySelectorAll('#lines *')].map((e) => e.tagName)")
        self.assertLessEqual(set(tags), {"LI", "SPAN", "TIME", "A"})
        links = page.run("return [...document.querySelectorAll('#lines a')].map((e) => [e.href, e.target, e.rel])")
        for address, target, rel in links:
            self.assertRegex(address, "^https?://")
            self.assertEqual((target, rel), ("_blank", "noopener noreferrer nofollow"))
        known = {"class", "dir", "datetime", "href", "target", "rel"}
        names = page.run("return [...document.querySelectorAll('#lines *')].flatMap((e) => e.getAttributeNames())")
        self.assertLessEqual(set(names), known)

    def test_chatd_is_killed_while_people_talk(self):
        ann, bob, tom = self.page("ann"), self.page("bob"), self.telnet("tom")
        ann.enter("den")
        bob.enter("den")
        tom.send("/join den")
        tom.expect("in den")
        for n in range(KILLS):
            ann.say(f"den-ann-{n}")
            bob.say(f"den-bob-{n}")
            tom.send(f"den-tom-{n}")
            ann.go("lobby")
            ann.say(f"lobby-ann-{n}")
            ann.go("den")
            kill_broker()
        for person in ("ann", "bob"):
            tom.expect(f"{person}: den-{person}-{KILLS - 1}\r\n")
        for page in (ann, bob):
            for person in ("ann", "bob", "tom"):
                page.until_line(f"den-{person}-{KILLS - 1}")
                expected = [f"den-{person}-{n}" for n in range(KILLS)]
                self.assertEqual(page.lines(f"^den-{person}-"), expected)
        for person in ("ann", "bob"):
            self.assertEqual(tom.heard(f"{person}: (den-.*)\r\n"), [f"den-{person}-{n}" for n in range(KILLS)])
        for page in (ann, bob):
            page.go("lobby")
            page.until_line(f"lobby-ann-{KILLS - 1}")
            self.assertEqual(page.lines("^lobby-"), [f"lobby-ann-{n}" for n in range(KILLS)])

    def test_the_process_of_a_connection_is_killed(self):
        tom = self.telnet("tom")
        before = set(processes("chat-web"))
        ann = self.page("ann")
        tom.send("one")
        ann.until_line("one")
        ann.say("mine")
        tom.expect("ann: mine\r\n")
        ann.run(
            "window.states = []; const state = document.getElementById('state');"
            "new MutationObserver(() => states.push(state.dataset.state)).observe(state, { attributes: true })")
        for pid in set(processes("chat-web")) - before:
            os.kill(pid, signal.SIGKILL)
        tom.send("two", "three")
        wait_for("a loss that is shown", lambda: "waiting" in ann.run("return states"))
        ann.until_state("open")
        ann.until_line("three")
        ann.say("again")
        tom.expect("ann: again\r\n")
        ann.until_line("again")
        self.assertEqual(ann.lines(), ["one", "mine", "two", "three", "again"])
        self.assertEqual(ann.run("return document.querySelectorAll('#lines > .gap, #pending > *').length"), 0)

    def test_a_process_dies_with_lines_that_it_took(self):
        tom = self.telnet("tom")
        before = set(processes("chat-web"))
        ann = self.page("ann")
        tom.send("one")
        ann.until_line("one")
        texts = [f"mine-{n}" for n in range(MINE)]
        ann.run("document.getElementById('input').value = arguments[0]", "\n".join(texts))
        ann.at("input").send_keys(Keys.ENTER)
        ann.until_line(texts[-1])  # the session took the line, which waits for its turn
        for pid in set(processes("chat-web")) - before:
            os.kill(pid, signal.SIGKILL)
        wait_for("what is not confirmed", lambda: ann.driver.find_elements(By.CSS_SELECTOR, ".unconfirmed"))
        unconfirmed = ann.run("return [...document.querySelectorAll('.unconfirmed .text')].map((e) => e.textContent)")
        tom.send("two")
        ann.until_line("two")
        heard = tom.heard("ann: (mine-.*)\r\n")
        self.assertEqual(heard + unconfirmed, texts)
        self.assertEqual(ann.lines("^mine"), heard)

    def test_the_network_is_away(self):
        cable, tom = self.cable(), self.telnet("tom")
        ann = self.page("ann", cable)
        tom.send("one")
        ann.until_line("one")
        cable.close()
        ann.until_state("waiting")
        ann.say("kept")
        tom.send("two", "three")
        self.assertIn("not sent yet", ann.at("pending").text)
        ann.say("/join den")
        self.assertIn("not connected", ann.at("hint").text)
        ann.picture("lost")
        cable.mend()
        tom.expect(": kept\r\n")
        ann.until_line("kept")
        self.assertEqual(sorted(ann.lines()), ["kept", "one", "three", "two"])
        self.assertEqual(ann.lines("^t"), ["two", "three"])

    def test_more_lines_than_the_chat_keeps(self):
        cable, tom = self.cable(), self.telnet("tom")
        ann = self.page("ann", cable)
        tom.send("one")
        ann.until_line("one")
        cable.close()
        ann.until_state("waiting")
        tom.send(*(f"line {n}" for n in range(KEPT + MINE)), "/join den", "/join lobby")
        tom.expect("in lobby")
        cable.mend()
        ann.until_line(f"line {KEPT + MINE - 1}")
        wait_for("a gap", lambda: ann.driver.find_elements(By.CSS_SELECTOR, "#lines > .said + .gap + .said"))
        self.assertEqual(ann.lines(), ["one", *(f"line {n}" for n in range(MINE, KEPT + MINE))])

    def test_refused(self):
        ann = self.page("ann")
        ann.run("take({ event: 'refused', code: 'banned', sentence: 'you are banned (spam)' })")
        ann.until_state("closed")
        self.assertIn("you are banned (spam)", ann.at("state").text)
        ann.at("try").click()
        ann.until_state("open")
        wait_for("the name ann", lambda: "ann" in ann.at("state-text").text)

    def test_reload(self):
        ann = self.page("ann")
        ann.enter("den")
        ann.driver.refresh()
        ann.until_state("open")
        wait_for("the name ann", lambda: "Connected as ann" in ann.at("state-text").text)
        wait_for("both rooms", lambda: ann.at("rooms").text.split() == ["lobby", "den"])

    def test_the_network_falls_silent(self):
        cable, tom = self.cable(), self.telnet("tom")
        ann = self.page("ann", cable)
        tom.send("one")
        ann.until_line("one")
        cable.is_silent = True
        ann.say("into the void")
        tom.send("two", "three")
        ann.until_state("waiting")
        cable.mend()
        ann.until_line("three")
        self.assertEqual(ann.lines(), ["one", "two", "three"])
        again = wait_for("a line to confirm", lambda: ann.driver.find_elements(By.CSS_SELECTOR, ".unconfirmed button"))
        self.assertIn("Not confirmed", ann.at("pending").text)
        again[0].click()
        tom.expect(": into the void\r\n")
        ann.until_line("into the void")
        tom.send("end")
        ann.until_line("end")
        self.assertEqual(len(tom.heard(": into the void\r\n")), 1)
        self.assertEqual(ann.lines(), ["one", "two", "three", "into the void", "end"])

    def test_offline_in_the_browser(self):
        tom, ann = self.telnet("tom"), self.page("ann")
        away = {"offline": True, "latency": 0, "throughput": 0}
        tom.send("one")
        ann.until_line("one")
        ann.driver.set_network_conditions(**away)
        ann.run("connection.lose()")  # Chromium leaves an open WebSocket alone
        tom.send("two")
        ann.until_state("waiting")
        ann.driver.delete_network_conditions()
        ann.until_line("two")
        self.assertEqual(ann.lines(), ["one", "two"])

    def test_many_lines(self):
        tom, ann = self.telnet("tom"), self.page("ann")
        began = time.monotonic()
        tom.send(*(f"line {n}" for n in range(MANY)))
        ann.until_line(f"line {MANY - 1}")
        print(f"{MANY} lines took {time.monotonic() - began:.1f} s")
        lines = ann.lines("^line ")
        self.assertLessEqual(len(lines), SHOWN_MAX)
        numbers = [int(line.split()[1]) for line in lines]
        self.assertEqual(numbers, sorted(set(numbers)))  # a slow page may miss some lines, and says so
        self.assertLessEqual(ann.run("return view.current.lines.length"), LINES_MAX)
        ann.run("document.getElementById('log').scrollTop = 0")
        wait_for("older lines", lambda: int(ann.lines("^line ")[0].split()[1]) < numbers[0])
        tom.send("below")
        wait_for("a button to the newest line", lambda: "(1)" in ann.at("newest").text)
        self.assertNotIn("below", ann.lines())
        ann.at("newest").click()
        ann.until_line("below")

    def test_hostile_lines(self):
        tom, ann = self.telnet("tom"), self.page("ann")
        plain = [
            "<script>document.title = 'owned'</script>",
            "<img src=x onerror=\"document.title = 'owned'\">",
            "</script></style><svg onload=document.title='owned'>",
            "javascript:document.title='owned' JaVaScRiPt:alert(1) data:text/html,x",
            "{{7*7}} ${7*7} <%= 7*7 %> #{7*7} %s%n &lt;b&gt; &#x41;",
            "http://[x onclick=x https:// http://\"><b>",
            "a" * 3000,
            "__proto__ constructor toString",
            "e\u0301\u0301\u0301 \U0001f469\u200d\U0001f469\u200d\U0001f467 \u0645\u0631\u062d\u0628\u0627",
        ]
        tom.send(*plain, "\u202eabc\u202c\u200b", "see https://example.org/a?b=c&d='e'#f, and http://u:p@example.net).")
        for text in plain:
            ann.until_line(text)
        ann.until_line("see https://example.org/a?b=c&d='e'#f, and http://u:p@example.net).")
        tom.send("/topic <b onclick=x>topic</b>", "/me <i>waves</i>", "/msg ann <u>psst</u>")
        wait_for("the topic", lambda: ann.at("topic").text == "<b onclick=x>topic</b>")
        ann.until_line("tom <i>waves</i>")
        self.assert_is_text(ann)
        self.assertEqual(ann.lines("abc"), ["<U+202E>abc<U+202C><U+200B>"])
        links = ann.run("return [...document.querySelectorAll('#lines a')].map((e) => e.textContent)")
        self.assertEqual(links[-2:], ["https://example.org/a?b=c&d='e'#f", "http://u:p@example.net"])
        self.assertLessEqual(ann.run("return document.documentElement.scrollWidth"), 1200)
        ann.go("tom")
        ann.until_line("<u>psst</u>")
        self.assert_is_text(ann)
        self.assertEqual(ann.driver.title, "chat")

    def test_unread_and_private(self):
        tom, ann = self.telnet("tom"), self.page("ann")
        ann.enter("den")
        tom.send("hello Ann, there", "/msg ann psst")
        wait_for("the unread lines", lambda: ann.driver.title == "(2) chat")
        wait_for("both marks", lambda: len(ann.driver.find_elements(By.CSS_SELECTOR, "nav .mentioned")) == 2)
        ann.go("tom")
        ann.until_line("psst")
        ann.say("/topic psst")
        self.assertEqual(ann.at("hint").text, "Go to a room first.")
        ann.at("input").clear()
        ann.at("room").send_keys("no room", Keys.ENTER)
        self.assertIn("A room's name", ann.at("hint").text)
        ann.say("and you?")
        tom.expect(r"ann \(to you\): and you\?\r\n")
        ann.until_line("and you?")
        ann.go("lobby")
        wait_for("all is read", lambda: ann.driver.title == "chat")
        ann.say("/msg nobody hello")
        wait_for("a refusal", lambda: "nobody called nobody" in ann.at("pending").text)
        ann.say("/ignore tom")
        tom.send("unseen", "/nick tim", "unseen as well")
        ann.go("lobby")
        ann.say("/ignore tim")
        tom.send("seen")
        ann.until_line("seen")
        self.assertEqual(ann.lines("unseen"), [])

    def test_notifications(self):
        tom, ann = self.telnet("tom"), self.page("ann")
        ann.run(
            "window.told = []; window.Notification = class {"
            "constructor(title, { body }) { told.push(`${title}: ${body}`); }"
            "static permission = 'granted'; static async requestPermission() { return 'granted'; } }")
        hide = "Object.defineProperty(document, 'hidden', { get: () => true, configurable: true })"
        ann.run(hide)
        tom.send("hello ann")
        wait_for("the first line", lambda: ann.driver.title == "(1) chat")
        self.assertEqual(ann.run("return told"), [])  # the person has not asked for notifications
        ann.at("notify").click()
        wait_for("the consent", lambda: "You will be notified" in ann.at("hint").text)
        tom.send("hello all", "Ann?", "annual report", "/msg ann psst")
        wait_for("all lines", lambda: ann.driver.title == "(5) chat")
        self.assertEqual(ann.run("return told"), ["tom: Ann?", "tom: psst"])

    def test_phone(self):
        tom, ann = self.telnet("tom"), self.page("ann", is_phone=True)
        tom.send("Does anyone have the key of the workshop?", "w" * 300, "/topic " + "long topic " * 12)
        ann.until_line("w" * 300)
        ann.say("It hangs behind the door.")
        ann.until_line("It hangs behind the door.")
        width = "return Math.max(document.documentElement.scrollWidth, document.body.scrollWidth)"
        self.assertLessEqual(ann.run(width), 360)
        ann.picture("phone-long")
        ann.at("show-rooms").click()
        wait_for("the drawer", lambda: ann.at("hide-rooms").is_displayed())
        self.assertLessEqual(ann.run(width), 360)
        ann.at("room").send_keys("den", Keys.ENTER)
        wait_for("the room", lambda: ann.at("title").text == "den")
        wait_for("the drawer's end", lambda: not ann.at("hide-rooms").is_displayed())
        ann.at("show-people").click()
        wait_for("the people", lambda: "ann" in ann.at("people").text)

    def test_keys_alone(self):
        tom = self.telnet("tom")
        ann = self.page("ann", is_opened=False)

        def press(*keys):
            ann.driver.switch_to.active_element.send_keys(*keys)

        def focus():
            return ann.run("return document.activeElement.id")

        def chord(modifier, key):
            webdriver.ActionChains(ann.driver).key_down(modifier).send_keys(key).key_up(modifier).perform()

        press("ann", Keys.ENTER)
        wait_for("the lobby", lambda: ann.at("title").text == "lobby")
        press("/jo", Keys.TAB)
        self.assertEqual(ann.at("input").get_attribute("value"), "/join ")
        press("den", Keys.ENTER)
        wait_for("the den", lambda: ann.at("title").text == "den")
        chord(Keys.ALT, Keys.ARROW_UP)
        wait_for("the lobby", lambda: ann.at("title").text == "lobby")
        wait_for("tom", lambda: "tom" in ann.at("people").text)
        press("to", Keys.TAB, "hi", Keys.ENTER)
        tom.expect("ann: tom: hi\r\n")
        ann.until_line("tom: hi")
        press("one", Keys.SHIFT, Keys.ENTER, Keys.NULL, "two", Keys.ENTER)
        tom.expect("ann: one\r\n[^:]*ann: two\r\n")
        press("/hlep", Keys.ENTER)
        self.assertIn("Unknown command /hlep", ann.at("hint").text)
        self.assertEqual(ann.at("input").get_attribute("value"), "/hlep")
        press(Keys.CONTROL, "a", Keys.NULL, Keys.BACKSPACE, "/help", Keys.ENTER)
        wait_for("the help", lambda: "Alt+Up" in ann.at("lines").text)
        seen = set()
        for _ in range(30):
            press(Keys.TAB)
            seen.add(focus())
            outline = ann.run("return getComputedStyle(document.activeElement).outlineStyle")
            self.assertTrue(outline != "none" or focus() == "", focus())
        self.assertLessEqual({"input", "log", "room", "leave"}, seen)

    def test_axe(self):
        if not OPTIONS.axe:
            self.skipTest("there is no axe-core")
        with open(OPTIONS.axe, encoding="utf-8") as file:
            axe = file.read()

        def check(page, what):
            page.run(axe)
            found = page.driver.execute_async_script(
                "axe.run({ resultTypes: ['violations'] }).then((r) => arguments[arguments.length - 1](r.violations))")
            told = [(v["id"], v["help"], [n["html"] for n in v["nodes"]]) for v in found]
            self.assertEqual(told, [], what)

        ann = self.page("ann", is_opened=False)
        check(ann, "the first question")
        ann.give_name("ann")
        tom = self.telnet("tom")
        tom.send("hello ann", "/me waves", "see https://example.org/", "/msg ann psst", "/topic a topic")
        names = [self.telnet(f"guest{n}") for n in range(10)]
        for n, guest in enumerate(names):
            guest.send(f"color {n}")
        for n in range(len(names)):
            ann.until_line(f"color {n}")
        ann.say("/msg nobody hello")
        wait_for("a refusal", lambda: "nobody called nobody" in ann.at("pending").text)
        check(ann, "a refused line")
        ann.go("lobby")
        for scheme in ("light", "dark"):
            ann.colors(scheme)
            check(ann, scheme)
        ann.phone()
        check(ann, "phone")
        ann.at("show-rooms").click()
        wait_for("the drawer", lambda: ann.at("hide-rooms").is_displayed())
        check(ann, "drawer")

    def test_pictures(self):
        if not OPTIONS.pictures:
            self.skipTest("no pictures are wanted")
        ann, ben, eve = self.page("ann"), self.telnet("ben"), self.telnet("eve")
        ann.enter("workshop")
        ben.send("/join workshop", "/topic Saturday 10:00: we repair bicycles")
        ben.expect("topic of workshop is set")
        eve.send("/join workshop")
        eve.expect("in workshop")
        ben.send("Who brings the pump?")
        ann.until_line("Who brings the pump?")
        eve.send("I do. The list is at https://example.org/tools")
        ann.until_line("I do. The list is at https://example.org/tools")
        ann.say("Then I bring the patches, and tea.")
        ann.until_line("Then I bring the patches, and tea.")
        ben.expect("tea")
        ben.send("Thank you, ann!", "See you on Saturday.", "/me waves", "/join lobby", "Is anybody here?")
        ann.until_line("ben waves")
        eve.send("/msg ann Can you lend me the small wrench?")
        wait_for("the unread lines", lambda: ann.driver.title == "(2) chat")
        for scheme in ("light", "dark"):
            ann.colors(scheme)
            ann.picture(scheme)
        ann.colors("light")
        ann.phone()
        ann.picture("phone")
        ann.at("show-rooms").click()
        wait_for("the drawer", lambda: ann.at("hide-rooms").is_displayed())
        ann.picture("phone-rooms")


def main():
    global OPTIONS
    parser = argparse.ArgumentParser()
    place = (lambda text: (text.rpartition(":")[0], int(text.rpartition(":")[2])))
    parser.add_argument("--host", type=place, required=True)
    parser.add_argument("--telnet", type=place, required=True)
    parser.add_argument("--run-dir", required=True)
    parser.add_argument("--axe")
    parser.add_argument("--pictures")
    parser.add_argument("tests", nargs="*")
    OPTIONS = parser.parse_args()
    names = [f"PageTest.{name}" for name in OPTIONS.tests]
    unittest.main(argv=["page.py", *names], verbosity=2)


if __name__ == "__main__":
    main()
