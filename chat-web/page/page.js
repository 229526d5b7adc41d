/* The program of the page. Each part uses only the parts above it, and its arguments:
 *
 * - the text: pure functions
 * - the model: the conversations, and what is said in them. It knows neither the page nor the network.
 * - the connection: a WebSocket that is opened again after each loss
 * - the view: shows the model
 * - the application: events, requests, and what is remembered
 * - the commands, the keys, and the start
 *
 * chat-json(5) describes events and requests. Whatever people write becomes the text of a node. The address of a link
 * also becomes the target of the link. Nothing else is made of it.
 */
"use strict";

/* ---- the text ---- */

const NAME = /^[A-Za-z][A-Za-z0-9._-]{0,23}$/; // of a person or a room
const SAY_MAX_BYTES = 4000; // of a line. The server takes 4096, and makes some characters longer

const lower = (text) => text.toLowerCase();

/* Returns how a person is called: "ann", or "ann@b" for a person on another host. */
const fullName = (name, host) => (host ? `${name}@${host}` : name);

/* Returns one of 12 numbers, always the same for a name. */
function colorOf(name) {
	let hash = 0;
	for (const c of lower(name)) hash = (hash * 31 + c.codePointAt(0)) >>> 0;
	return hash % 12;
}

/* Returns true if the text has this name as a word of its own, perhaps at the end of a sentence. */
function mentions(text, name) {
	const trim = (word) => word.replace(/[._-]+$/, "");
	return lower(text).split(/[^a-z0-9._-]+/).map(trim).includes(trim(lower(name)));
}

/* Cuts a text into pieces: [text], or [text, address] for a link. */
function linkify(text) {
	const pieces = [];
	let end = 0;
	for (const { 0: found, index } of text.matchAll(/\bhttps?:\/\/[^\s<>"]+/gi)) {
		let link = found.replace(/[.,;:!?'*_]+$/, "");
		if (link.endsWith(")") && !link.includes("(")) link = link.slice(0, -1);
		if (!URL.canParse(link)) continue;
		pieces.push([text.slice(end, index)], [link, new URL(link).href]);
		end = index + link.length;
	}
	return [...pieces, [text.slice(end)]];
}

/* Cuts a text into lines that can be sent. Empty lines are left out. */
function linesOf(text) {
	const lines = text.replace(/[\0-\x08\x0b\x0c\x0e-\x1f]/g, "").split(/\r\n|\r|\n/).filter((line) => line.trim());
	return lines.flatMap((line) => (new Blob([line]).size > SAY_MAX_BYTES ? line.match(/.{1,1000}/gsu) : line));
}

/* ---- the model ---- */

const LINES_MAX = 2000; // that a conversation keeps
const LINES_DROPPED = 100; // at once, when there are more
const CHECKED_MS = 60_000; // younger own lines may be lost with the connection, although the chat took them

/* A room, or the private messages with one person.
 *
 * `lines` has what was said and what happened, in the order in which it is shown. `pending` has the own lines that the
 * chat has not confirmed. Each of them is in one of these states:
 *
 *   waiting      it was not sent yet
 *   sending      it was sent, and has no answer yet
 *   unsure       the connection was lost before the answer came
 *   unconfirmed  the past lines of the next connection do not have it: it may have been said, or not
 *   failed       the chat refused it, and `why` says why
 *
 * The page sends only waiting lines by itself, so it says no line twice.
 */
class Conversation {
	constructor(kind, name) {
		this.kind = kind; // "room" or "private"
		this.name = name;
		this.lines = [];
		this.byId = new Map();
		this.pending = [];
		this.people = []; // the names of the people in a room
		this.topic = "";
		this.unread = 0;
		this.isMentioned = false;
		this.isIn = kind === "private"; // the chat has said so on this connection
		this.isWhole = false; // the chat has no earlier lines
		this.since = ""; // the id of the last line that came in the order of the chat
		this.own = []; // own lines that were taken lately, and `since` at that time
		this.past = null; // past lines that are coming
		this.entry = null; // what came since the page began to enter the room again
	}

	/* Adds a line at a place, or at the end. Returns false if the line is there already. */
	add(line, place = this.lines.length) {
		if (this.byId.has(line.id)) return false;
		if (line.id) this.byId.set(line.id, line);
		this.lines.splice(place, 0, line);
		if (this.lines.length > LINES_MAX)
			for (const old of this.lines.splice(0, LINES_DROPPED)) this.byId.delete(old.id);
		return true;
	}

	note(text, kind = "note", place = undefined) {
		this.add({ kind, text, time: Date.now() }, place);
	}

	/* Takes a past line. The lines that are here already show its place. Returns true if the line is new. */
	takePast(line) {
		const past = (this.past ??= { front: [], last: null }), known = this.byId.get(line.id);
		const lastPlace = this.lines.lastIndexOf(past.last);
		this.entry?.ids.add(line.id);
		if (known) {
			if (!past.last) for (const front of past.front.splice(0)) this.add(front, this.lines.lastIndexOf(known));
			if (this.lines.lastIndexOf(known) > lastPlace) past.last = known;
			if (this.entry) this.entry.isJoined = true;
		} else if (past.last) {
			this.add(line, lastPlace + 1);
			past.last = line;
		} else {
			past.front.push(line);
		}
		return !known;
	}

	/* All past lines have come. If none of them was known, they go to the end. */
	endPast() {
		this.past?.front.forEach((line) => this.add(line));
		this.past = null;
	}

	/* Removes the pending line that a session of this page has now said. A session says its lines in their order. */
	confirm(line) {
		const asked = this.pending.filter((p) => p.session === line.id.slice(0, 16) && p.state !== "failed");
		const said = asked.find((p) => p.text === line.text) ?? asked[0];
		this.pending = this.pending.filter((p) => p !== said);
	}

	/* Begins to enter the room again. Returns the id of the line after which past lines are wanted. */
	enterAgain() {
		const own = this.own.filter(({ line }) => Date.now() - line.time < CHECKED_MS);
		this.own = [];
		this.entry = { own, ids: new Set(), last: this.lines.at(-1), isMissing: false, isJoined: false };
		return own.length > 0 ? own[0].since : this.since;
	}

	/* The past lines after an entry have come, or the connection was lost before. Notes that lines may be missing. Own
	 * lines that are not among the past lines become unconfirmed, also those that a session took: it may have died. */
	endEntry(isComplete) {
		const { entry } = this;
		this.entry = null;
		if (entry?.isMissing && !entry.isJoined && entry.last)
			this.note("Some lines may be missing here: they were said while you were not connected.", "gap",
				this.lines.lastIndexOf(entry.last) + 1);
		if (!isComplete) this.own.unshift(...(entry?.own ?? []));
		if (!isComplete || !entry) return;
		const lost = entry.isMissing ? [] : entry.own.map(({ line }) => line).filter((line) => !entry.ids.has(line.id));
		this.lines = this.lines.filter((line) => !lost.includes(line));
		for (const line of lost) this.byId.delete(line.id);
		for (const p of this.pending) if (p.state === "unsure") p.state = "unconfirmed";
		this.pending.unshift(...lost.map(({ text, kind, session }) => ({ text, kind, session, state: "unconfirmed" })));
	}
}

class Model {
	constructor() {
		this.name = "";
		this.session = ""; // the id of this connection's session
		this.sessions = new Set(); // the ids of all sessions of this page
		this.conversations = new Map();
		this.rooms = []; // all rooms of the chat
		this.ignored = new Set();
		this.writer = null; // the conversation with the last private message
	}

	find(kind, name) {
		return this.conversations.get(`${kind} ${lower(name)}`);
	}

	/* Returns the conversation. Makes it if there is none. */
	get(kind, name) {
		if (!this.find(kind, name)) this.conversations.set(`${kind} ${lower(name)}`, new Conversation(kind, name));
		return this.find(kind, name);
	}

	remove({ kind, name }) {
		this.conversations.delete(`${kind} ${lower(name)}`);
	}

	get all() {
		return [...this.conversations.values()];
	}

	of(kind) {
		return this.all.filter((c) => c.kind === kind);
	}

	get unread() {
		return this.all.reduce((sum, c) => sum + c.unread, 0);
	}

	/* Takes an event about a line. Returns the line and its conversation if the line is news, otherwise null. */
	takeLine(e) {
		const name = fullName(e.name, e.host), isPast = e.event === "past", isPrivate = e.event === "private";
		const isOwn = this.sessions.has(e.id.slice(0, 16)), kind = (e.said ?? e.event) === "action" ? "action" : "line";
		const line = { kind, id: e.id, name, text: e.text, time: Date.parse(e.time) };
		const c = isPrivate ? this.get("private", name) : this.get("room", e.room);
		if (!isPrivate) c.since = e.id;
		if (!isOwn && this.ignored.has(lower(name))) return null;
		if (isPrivate) this.writer = c;
		line.isMention = !isOwn && !isPrivate && mentions(e.text, this.name);
		if (isOwn && !c.byId.has(e.id)) c.confirm(line);
		const isNew = isPast ? c.takePast(line) : c.add(line);
		return isNew && !isOwn && (!isPast || c.entry) ? { c, line } : null;
	}

	/* Adds an own line that the chat took. */
	said(c, { text, kind, session }, id) {
		const line = { kind, id, name: this.name, text, time: Date.now(), session };
		if (!c.add(line) || c.kind === "private") return;
		c.own = c.own.filter((own) => line.time - own.line.time < CHECKED_MS);
		c.own.push({ line, since: c.since });
	}

	/* Takes an event about a person in a room. */
	takePerson(e) {
		const name = fullName(e.name, e.host), now = fullName(e.new ?? e.name, e.host), room = this.find("room", e.room);
		const texts = {
			join: e.from ? `${name} came from ${e.from}` : `${name} is here`,
			leave: e.removed ? `${name} was removed` : e.to ? `${name} went to ${e.to}` : `${name} left`,
			topic: e.text ? `${name} set the topic: ${e.text}` : `${name} removed the topic`,
			rename: `${name} is now called ${now}`,
		};
		if (!room) return;
		const others = room.people.filter((p) => p !== name);
		if (e.event === "topic") room.topic = e.text;
		else room.people = e.event === "leave" ? others : [...others, now];
		if (!this.ignored.has(lower(name)))
			room.add({ kind: "note", id: e.id, text: texts[e.event], time: Date.parse(e.time) });
		else this.ignored.add(lower(now));
		const talk = this.find("private", name);
		if (now === name || !talk || this.find("private", now)) return;
		this.remove(talk);
		talk.name = now;
		this.conversations.set(`private ${lower(now)}`, talk);
	}

	/* Takes a list of rooms with the people in each. */
	takePeople(rooms = []) {
		for (const { room, topic = "", names = [] } of rooms)
			Object.assign(this.find("room", room) ?? {}, { topic, people: names });
	}

	lost() {
		for (const c of this.all) {
			c.endPast();
			c.endEntry(false);
			c.isIn = c.kind === "private";
			for (const p of c.pending) if (p.state === "sending") p.state = "unsure";
		}
	}
}

/* ---- the connection ---- */

const ALIVE_MS = 20_000; // after so long without a message, the page asks for a sign of life
const ANSWER_MS = 10_000; // how long this sign may take, and the opening of a connection
const AWAY_MS = 60_000; // how long this sign may take while chatd is away
const DELAY_MIN_MS = 500;
const DELAY_MAX_MS = 30_000;
const STEADY_MS = 10_000; // a connection that lasted so long was a good one

/* A WebSocket that is opened again after each loss. Its state is "connecting", "open", "waiting" for the next try, or
 * "closed" until open() is called. A page does not see the pings of a server, and a network may die silently. So the
 * page asks for a sign of life. */
class Connection {
	constructor(address, on) {
		Object.assign(this, { address, on, state: "closed", isAway: false, tries: 0, nextTry: 0 });
		setInterval(() => this.check(), 1000);
		addEventListener("online", () => this.hurry());
		document.addEventListener("visibilitychange", () => document.hidden || this.hurry());
	}

	open() {
		this.close("connecting");
		Object.assign(this, { heard: performance.now(), began: performance.now(), asked: 0, isAway: false });
		this.socket = new WebSocket(this.address, "chat-json");
		this.socket.onopen = () => this.be("open");
		this.socket.onclose = () => this.lose();
		this.socket.onmessage = ({ data }) => {
			const e = JSON.parse(data);
			Object.assign(this, { heard: performance.now(), asked: 0 });
			if (e.event === "away" || e.event === "back") this.isAway = e.event === "away";
			this.on.event(e);
		};
	}

	be(state) {
		this.state = state;
		this.on.state();
	}

	/* Ends the connection. No other one follows until open() is called. */
	close(state = "closed") {
		clearTimeout(this.timer);
		if (this.socket) {
			this.socket.onopen = this.socket.onclose = this.socket.onmessage = null;
			this.socket.close();
			this.socket = null;
			this.on.lost();
		}
		this.be(state);
	}

	/* The connection is lost: another one follows after a random delay, which doubles up to DELAY_MAX_MS. */
	lose(delay = 0) {
		if (this.state === "open" && performance.now() - this.began > STEADY_MS) this.tries = 0;
		const most = Math.min(DELAY_MAX_MS, DELAY_MIN_MS * 2 ** this.tries++);
		delay ||= Math.max(DELAY_MIN_MS, most * (0.5 + Math.random() / 2));
		this.nextTry = performance.now() + delay;
		this.close("waiting");
		this.timer = setTimeout(() => this.open(), delay);
	}

	/* The network may be back or may have changed: tries at once. */
	hurry() {
		if (this.state === "waiting") this.open();
		else this.ask();
	}

	ask() {
		this.asked ||= performance.now();
		this.send({ do: "ping", ref: "ping" });
	}

	check() {
		const now = performance.now(), isOpen = this.state === "open";
		if (this.state === "waiting") this.on.state();
		if (this.state === "connecting" && now - this.began > ANSWER_MS) this.lose();
		else if (isOpen && this.asked && now - this.asked > (this.isAway ? AWAY_MS : ANSWER_MS)) this.lose();
		else if (isOpen && !this.asked && now - this.heard > ALIVE_MS) this.ask();
	}

	send(request) {
		if (this.state === "open") this.socket.send(JSON.stringify(request));
	}
}

/* ---- the view ---- */

const SHOWN_MAX = 500; // how many lines are in the page at a time
const SHOWN_STEP = 200; // how far these move when somebody scrolls to their end
const NEAR_PX = 60;
const GROUP_MS = 5 * 60_000; // lines of one person that follow each other so fast have one head
const PEOPLE_MAX = 500;
const BUBBLE = "<path d='M3 5h26v18H14l-7 6v-6H3z' fill='%231f5f8b'/>";
const SVG = "data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'>";
const ICON = `${SVG}${BUBBLE}</svg>`, ICON_UNREAD = `${SVG}${BUBBLE}<circle cx='24' cy='8' r='8' fill='%23d9531e'/></svg>`;

const $ = (id) => document.getElementById(id);

/* Makes an element. Texts among its children become text nodes. */
function make(tag, className, ...children) {
	const element = document.createElement(tag);
	if (className) element.className = className;
	element.append(...children);
	return element;
}

function makeButton(onclick, ...children) {
	return Object.assign(make("button", "", ...children), { type: "button", onclick });
}

/* Sets a text only if it differs, so a screen reader does not read it again. */
function put(element, text) {
	if (element.textContent !== text) element.textContent = text;
}

/* Gives a list these children. Those that stay are not touched: they keep the focus, and are not read out again. */
function putChildren(list, children) {
	const wanted = new Set(children);
	for (const child of [...list.children]) if (!wanted.has(child)) child.remove();
	let at = list.firstElementChild;
	for (const child of children) {
		if (child === at) at = at.nextElementSibling;
		else list.insertBefore(child, at);
	}
}

/* Shows the model. Changes are drawn together before the next frame. `on` has what the buttons do. */
class View {
	constructor(model, on) {
		Object.assign(this, { model, on, isQueued: false, elements: new WeakMap(), items: new Map() });
		this.clock = new Intl.DateTimeFormat(undefined, { timeStyle: "short" });
		this.calendar = new Intl.DateTimeFormat(undefined, { dateStyle: "full" });
		this.show(null);
		$("log").onscroll = () => this.scrolled();
		$("newest").onclick = () => this.toNewest();
		new ResizeObserver(() => this.sticks && this.toBottom()).observe($("log"));
	}

	/* Shows another conversation. A screen reader does not read its old lines. */
	show(conversation) {
		Object.assign(this, { current: conversation, top: null, sticks: true, seen: null, days: new Map() });
		$("log").setAttribute("aria-live", "off");
		clearTimeout(this.quiet);
		this.quiet = setTimeout(() => $("log").setAttribute("aria-live", "polite"), 1000);
		this.changed();
	}

	/* The model changed. A hidden page draws no frames, but its title changes. */
	changed() {
		const { unread } = this.model, link = $("icon"), href = unread > 0 ? ICON_UNREAD : ICON;
		document.title = unread > 0 ? `(${unread}) chat` : "chat";
		if (link.getAttribute("href") !== href) link.href = href;
		if (!this.isQueued) requestAnimationFrame(() => this.draw());
		this.isQueued = true;
	}

	draw() {
		const c = this.current;
		this.isQueued = false;
		put($("title"), c?.name ?? "chat");
		put($("topic"), c?.topic ?? "");
		put($("leave"), `${c?.kind === "private" ? "Close" : "Leave"} ${c?.name ?? ""}`);
		$("leave").hidden = !c;
		this.drawLists();
		this.drawLines();
	}

	/* ---- the lines ---- */

	toBottom() {
		$("log").scrollTop = $("log").scrollHeight;
	}

	toNewest() {
		this.sticks = true;
		this.changed();
	}

	/* Somebody scrolled, or the page did. Near an end of the lines in the page, others take their place. */
	scrolled() {
		const log = $("log"), lines = this.current?.lines ?? [], below = log.scrollHeight - log.clientHeight - log.scrollTop;
		const start = Math.max(0, lines.indexOf(this.first)), last = Math.max(0, lines.length - SHOWN_MAX);
		const step = log.scrollTop < NEAR_PX ? -SHOWN_STEP : below < NEAR_PX ? SHOWN_STEP : 0;
		this.sticks = below < NEAR_PX && this.hasLast;
		this.top = lines[Math.min(last, Math.max(0, start + step))];
		this.changed();
	}

	/* Returns the element of a day, which stands above its lines. */
	day(line) {
		const key = new Date(line.time).toDateString();
		if (!this.days.has(key)) this.days.set(key, make("li", "day", make("span", "", this.calendar.format(line.time))));
		return this.days.get(key);
	}

	drawLines() {
		const log = $("log"), { current: c, sticks } = this, lines = c?.lines ?? [], children = new Set();
		const start = Math.max(0, sticks ? lines.length - SHOWN_MAX : lines.indexOf(this.top));
		const end = Math.min(lines.length, start + SHOWN_MAX);
		for (let i = start, last = null; i < end; last = lines[i++]) {
			const line = lines[i], isSameDay = children.has(this.day(line)), element = this.line(line);
			element.classList.toggle("more", isSameDay && line.kind === "line" && last.kind === "line" &&
				line.name === last.name && line.time - last.time < GROUP_MS);
			children.add(this.day(line)).add(element);
		}
		/* The first line in sight stays where it is. */
		const inSight = (e) => children.has(e) && e.offsetTop + e.offsetHeight > log.scrollTop;
		const anchor = sticks ? null : [...$("lines").children].find(inSight), before = anchor?.offsetTop;
		putChildren($("lines"), children);
		putChildren($("pending"), c?.pending.map((p) => this.pending(p)) ?? []);
		if (sticks) this.toBottom();
		else if (anchor && anchor.offsetTop !== before) log.scrollTop += anchor.offsetTop - before;
		this.first = lines[start];
		this.hasLast = end === lines.length;
		if (sticks) this.seen = lines.at(-1);
		const count = lines.length - 1 - lines.lastIndexOf(this.seen);
		put($("newest"), count > 0 ? `Newest lines (${count})` : "Newest lines");
		$("newest").hidden = sticks;
		$("earlier").hidden = start > 0 || !c?.isIn || c.kind === "private" || c.isWhole;
	}

	text(text) {
		const more = { target: "_blank", rel: "noopener noreferrer nofollow" };
		return make("span", "text", ...linkify(text).map(([piece, href]) => (
			href ? Object.assign(make("a", "", piece), { href, ...more }) : piece)));
	}

	/* Returns the element of a line. It is made once. */
	line(line) {
		if (this.elements.has(line)) return this.elements.get(line);
		const { kind, name, time } = line, clock = make("time", "", this.clock.format(time)), text = this.text(line.text);
		const by = name ? make("span", `name c${colorOf(name)}`, name) : "";
		const element = make("li", name ? `said ${kind}` : kind);
		clock.dateTime = new Date(time).toISOString();
		if (kind === "action") text.prepend(by, " ");
		if (kind === "line") element.append(make("span", "head", by, clock), text);
		else element.append(text, clock);
		if (name) text.dir = "auto";
		if (line.isMention) element.classList.add("mention");
		this.elements.set(line, element);
		return element;
	}

	/* Returns the element of a pending line. It is made anew for each state. */
	pending(p) {
		const words = {
			waiting: "not sent yet", sending: "sending …", unsure: "not confirmed yet", failed: p.why,
			unconfirmed: "Not confirmed: the connection was lost. Perhaps nobody got this.",
		};
		const known = this.elements.get(p);
		if (known?.state === p.state) return known.element;
		const element = make("li", p.state, this.text(p.text), make("span", "why", words[p.state]));
		const buttons = [makeButton(() => this.on.again(p), "Send again"), makeButton(() => this.on.discard(p), "Discard")];
		if (p.state === "unconfirmed" || p.state === "failed") element.lastChild.append(...buttons);
		this.elements.set(p, { state: p.state, element });
		return element;
	}

	/* ---- the lists beside them ---- */

	/* Returns an item of a list, a button with a name and a detail. It is kept as long as a list has it. */
	item(key, name, detail, onclick) {
		const parts = [make("span"), make("small"), make("span", "unseen", "unread")];
		if (!this.items.has(key)) this.items.set(key, make("li", "", makeButton(onclick, ...parts)));
		const item = this.items.get(key), [first, second, third] = item.firstChild.children;
		put(first, name);
		put(second, detail);
		third.hidden = true;
		return item;
	}

	talk(c) {
		const item = this.item(c, c.name, c.unread > 0 ? `${c.unread}` : "", () => this.on.show(c));
		item.className = c.isMentioned ? "unread mentioned" : c.unread > 0 ? "unread" : "";
		item.firstChild.lastChild.hidden = c.unread === 0;
		item.firstChild.setAttribute("aria-current", `${c === this.current}`);
		return item;
	}

	drawLists() {
		const { model, current, items } = this, unread = model.unread - (current?.unread ?? 0);
		for (const [key, item] of items) if (!item.isConnected) items.delete(key);
		putChildren($("rooms"), model.of("room").map((c) => this.talk(c)));
		putChildren($("privates"), model.of("private").map((c) => this.talk(c)));
		$("privates-title").hidden = model.of("private").length === 0;
		const others = model.rooms.filter(({ room }) => !model.find("room", room));
		putChildren($("others"), others.map(({ room, people }) => (
			this.item(`room ${room}`, room, `${people}`, () => this.on.enter(room)))));
		$("others-title").hidden = others.length === 0;
		put($("show-rooms"), unread > 0 ? `Rooms (${unread})` : "Rooms");
		if (this.people === current?.people && this.name === model.name) return;
		Object.assign(this, { people: current?.people, name: model.name });
		const people = [...(current?.people ?? [])].sort((a, b) => (lower(a) < lower(b) ? -1 : 1));
		put($("people-title"), people.length > 0 ? `People (${people.length})` : "People");
		putChildren($("people"), people.slice(0, PEOPLE_MAX).map((name) => {
			const item = this.item(`person ${name}`, name, name === model.name ? "you" : "", () => this.on.talk(name));
			item.firstChild.firstChild.className = `name c${colorOf(name)}`;
			return item;
		}));
	}

	/* Opens this drawer, "rooms" or "people", and closes the other one; null closes both. */
	drawer(name) {
		for (const side of ["rooms", "people"]) {
			const drawer = $(`${side}-side`), button = $(`show-${side}`), hadFocus = drawer.contains(document.activeElement);
			drawer.classList.toggle("open", side === name);
			button.setAttribute("aria-expanded", `${side === name}`);
			if (side === name) $(`hide-${side}`).focus();
			else if (hadFocus) button.focus();
		}
	}
}

/* ---- the application ---- */

const FIRST_ROOM = "lobby";
const SENDING_MAX = 16; // how many lines of a conversation wait for an answer at a time
const SETTLED_MS = 1500; // after an entry: until then the server may say that lines are missing
const NAME_TRIES_S = [1, 3, 10, 35, 60]; // until a lost connection gives its name back. Another page may keep the name
const NAME_TRIES_FIRST = 2; // so many suffice after a reload
const FULL_MS = 30_000; // until the next try if the chat is full
const NO_CONNECTION = "Not done: you are not connected.";
const ROOM_RULE = "A room's name has 1 to 24 plain letters (no accents), digits, - _ and . and starts with a letter.";
const REPLIES_MS = 10_000; // after /rooms: until then the rooms on other hosts are shown

/* Returns what the browser remembers between visits, or null. A browser may refuse that. */
function recall(key) {
	try {
		return JSON.parse(localStorage.getItem(`chat.${key}`));
	} catch {
		return null;
	}
}

function remember(key, value) {
	try {
		localStorage.setItem(`chat.${key}`, JSON.stringify(value));
	} catch {
		/* the browser refuses, so this is forgotten */
	}
}

const namesIn = (list) => (Array.isArray(list) ? list.filter((name) => name && NAME.test(name)) : []);

const model = new Model();
const view = new View(model, {
	show, enter, again, discard,
	talk: (name) => name === model.name || show(model.get("private", name)),
});
const connection = new Connection(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws`, {
	event: take, state: showState,
	lost() {
		requests.clear();
		model.lost();
		view.changed();
	},
});
const requests = new Map(); // by ref: what is to be done with the answer
let refs = 0;
let [wanted = ""] = namesIn([recall("name")]); // the name that the person chose
let hadName = wanted !== ""; // the person had this name before
let notes = []; // notes that wait for the first conversation
let reason = ""; // why there is no connection
let showsReplies = 0; // until when the rooms on other hosts are shown

/* Sends a request. `then` gets its answer, unless the connection is lost before. */
function ask(request, then = () => {}) {
	if (connection.state === "open") requests.set(++refs, then);
	connection.send({ ...request, ref: refs });
}

/* ---- events ---- */

const takers = {
	welcome(e) {
		const isAgain = e.id === model.session;
		Object.assign(model, { name: e.name, session: e.id });
		model.sessions.add(e.id);
		showState();
		takeName(0);
		if (isAgain) return;
		const rooms = model.of("room").map((c) => c.name), before = namesIn(recall("rooms"));
		for (const room of rooms[0] ? rooms : before[0] ? before : [FIRST_ROOM]) enter(room, false);
		for (const c of model.of("private")) for (const p of c.pending) if (p.state === "unsure") p.state = "unconfirmed";
		askRooms();
		flush();
	},
	line: takeLine, action: takeLine, private: takeLine, past: takeLine,
	join: takePerson, leave: takePerson, rename: takePerson, topic: takePerson,
	missing(e) {
		const entry = model.find("room", e.room)?.entry;
		if (entry) entry.isMissing = true;
	},
	skipped(e) {
		for (const c of model.of("room").filter((room) => room.isIn)) {
			c.note(`${e.lines} lines were skipped: this connection was too slow.`, "gap");
			askHistory(c);
		}
	},
	answer: takeAnswer, error: takeAnswer,
	notice(e) {
		note(e.sentence ?? e.text);
		if (/^removed/.test(e.code)) leaveChat(e.sentence);
	},
	reply(e) {
		if (e.code !== "rooms" || performance.now() < showsReplies) note(`${e.host}: ${e.sentence ?? e.text}`);
	},
	motd: (e) => view.current || note(e.text),
	away: showState, back: showState,
	refused(e) {
		reason = e.sentence;
		if (/full$/.test(e.code)) connection.lose(FULL_MS);
		else connection.close();
	},
};

/* Takes an answer. One without a ref is about a line that the chat took before, and has the id of that line. */
function takeAnswer(e) {
	const then = requests.get(e.ref), isPing = e.ref === "ping";
	requests.delete(e.ref);
	if (then) then(e);
	else if (!isPing) note(e.sentence, model.all.find((c) => c.byId.has(e.id)));
}

function take(e) {
	if (e.event !== "past") for (const c of model.all) c.endPast();
	if (Object.hasOwn(takers, e.event)) takers[e.event](e);
	view.changed();
}

function takePerson(e) {
	model.takePerson(e);
	if (e.event === "leave" && e.name === wanted) takeName(0);
}

/* Takes a line. Counts it and notifies the person if somebody else said it. */
function takeLine(e) {
	const { c, line } = model.takeLine(e) ?? {};
	if (!c || (c === view.current && !document.hidden)) return;
	const isCalled = c.kind === "private" || line.isMention;
	c.unread++;
	c.isMentioned ||= isCalled;
	if (!isCalled || !document.hidden || !recall("notify") || Notification.permission !== "granted") return;
	try {
		const shown = new Notification(line.name, { body: line.text, tag: c.name });
		shown.onclick = () => {
			window.focus();
			show(c);
			shown.close();
		};
	} catch {
		/* some phones allow no notifications of a page */
	}
}

function showState() {
	const { state, isAway, nextTry } = connection, seconds = Math.max(1, Math.ceil((nextTry - performance.now()) / 1000));
	if (state === "open") reason = "";
	const texts = {
		connecting: "Connecting …",
		open: isAway ? "Connected. The chat is unavailable right now; what you say is kept and sent when it is back."
			: `Connected as ${model.name}`,
		waiting: reason ? `Refused: ${reason}. Trying again later.` : navigator.onLine ? "Connection lost. Reconnecting …"
			: "Connection lost: there is no network.",
		closed: reason ? `Not connected: ${reason}` : "Not connected",
	};
	put($("state-text"), texts[state === "open" && !model.name ? "connecting" : state]);
	$("state").dataset.state = state;
	$("try").hidden = state === "open" || state === "connecting";
	put($("try"), state === "waiting" ? `Try now (${seconds} s)` : "Connect");
}

/* ---- rooms and people ---- */

function note(text, c = view.current) {
	if (c) c.note(text);
	else notes.push(text);
	view.changed();
}

function show(c) {
	view.drawer(null);
	if (c !== view.current) view.show(c);
	for (const text of c ? notes.splice(0) : []) c.note(text);
	read();
	if (matchMedia("(pointer: fine)").matches) $("input").focus();
}

/* Marks the current conversation as read, unless the page is hidden. */
function read() {
	if (view.current && !document.hidden) Object.assign(view.current, { unread: 0, isMentioned: false });
	view.changed();
}

/* Asks for the wanted name. The name of a lost connection becomes free after a while. */
function takeName(tries) {
	const { session, sessions } = model, most = !hadName ? 0 : sessions.size > 1 ? NAME_TRIES_S.length : NAME_TRIES_FIRST;
	if (!wanted || wanted === model.name) return;
	ask({ do: "nick", name: wanted }, (a) => {
		if (a.code === "renamed") return renamed(a.name, hadName);
		const isLast = tries >= most || !/^name-(taken|alike)$/.test(a.code);
		if (isLast) note(a.sentence);
		else setTimeout(() => session === model.session && takeName(tries + 1), NAME_TRIES_S[tries] * 1000);
	});
}

function renamed(name, isQuiet) {
	for (const c of model.of("room")) c.people = c.people.map((p) => (p === model.name ? name : p));
	model.name = wanted = name;
	hadName = true;
	remember("name", name);
	if (!isQuiet) note(`You are now called ${name}`);
	showState();
}

/* Enters a room, or enters it again with the lines that were said meanwhile. */
function enter(name, isShown = true) {
	const before = model.find("room", name);
	if (before?.isIn) return show(before);
	if (connection.state !== "open") return put($("hint"), NO_CONNECTION);
	if (!NAME.test(name)) return put($("hint"), ROOM_RULE);
	const since = before?.enterAgain(), entry = before?.entry;
	ask({ do: "join", room: name, ...(since && { since }) }, (a) => {
		if (a.code !== "entered" && a.code !== "room-same") return note(a.sentence);
		const room = model.get("room", a.rooms?.[0].room ?? a.room);
		room.isIn = true;
		model.takePeople(a.rooms);
		if (isShown || !view.current) show(room);
		keepRooms();
		flush();
	});
	if (before && !since) /* nobody else had said a line */
		askHistory(before, 100, (a) => (entry.isMissing ||= a.code === "no-history"));
	ask({ do: "who", room: name }, (a) => { /* this answer comes behind the past lines */
		model.takePeople(a.rooms);
		if (entry) setTimeout(() => before.entry === entry && (before.endEntry(true), view.changed()), SETTLED_MS);
	});
}

function leave(c) {
	const gone = () => {
		model.remove(c);
		keepRooms();
		if (view.current === c) show(model.all[0] ?? null);
		askRooms();
	};
	if (c.isIn && c.kind === "room") ask({ do: "leave", room: c.name }, gone);
	else gone();
}

function keepRooms() {
	remember("rooms", model.of("room").map((c) => c.name));
}

function askRooms(then = () => {}) {
	ask({ do: "rooms" }, (a) => {
		model.rooms = a.rooms ?? [];
		then(a);
	});
}

function askHistory(c, lines = 100, then = () => {}) {
	ask({ do: "history", room: c.name, lines }, (a) => {
		c.isWhole = lines === 100;
		then(a);
	});
}

function leaveChat(why) {
	reason = why;
	connection.close();
}

/* ---- own lines ---- */

function say(c, text, kind = "line") {
	for (const line of linesOf(text)) c.pending.push({ text: line, kind, state: "waiting" });
	flush();
}

function again(pending) {
	pending.state = "waiting";
	flush();
}

function discard(pending) {
	for (const c of model.all) c.pending = c.pending.filter((p) => p !== pending);
	view.changed();
}

/* Sends the waiting lines. */
function flush() {
	const { session } = model;
	view.changed();
	if (connection.state !== "open") return;
	for (const c of model.all.filter((talk) => talk.isIn)) {
		const room = SENDING_MAX - c.pending.filter((p) => p.state === "sending").length;
		for (const p of c.pending.filter(({ state }) => state === "waiting").slice(0, room)) {
			const verb = p.kind === "action" ? "act" : "say";
			const what = c.kind === "private" ? { do: "msg", to: c.name } : { do: verb, room: c.name };
			Object.assign(p, { state: "sending", session });
			ask({ ...what, text: p.text }, (a) => {
				if (a.code === "said" || a.code === "sent") {
					discard(p);
					model.said(c, p, a.id);
				} else {
					Object.assign(p, { state: "failed", why: a.sentence });
				}
				flush();
			});
		}
	}
}

/* ---- the commands ---- */

/* Each has a name, arguments, a line of help, and a function of the arguments and the current conversation. */
const commands = [
	["help", "[COMMAND]", "lists the commands, or explains one", (word) => note(helpOn(word))],
	["nick", "NAME", "takes another name", (name) => ask({ do: "nick", name }, (a) =>
		a.code === "renamed" ? renamed(a.name) : note(a.sentence))],
	["who", "", "lists who is here", (_, c) => ask({ do: "who", room: c.name }, (a) => {
		model.takePeople(a.rooms);
		note(a.sentence);
	})],
	["msg", "NAME [TEXT]", "sends a private message", (rest) => {
		const [, name, text] = rest.match(/^(\S+)\s*(.*)$/);
		show(model.get("private", name));
		say(view.current, text);
	}],
	["reply", "TEXT", "replies to your last private message", (text) => {
		if (!model.writer) return note("Nobody has sent you a private message yet");
		show(model.writer);
		say(model.writer, text);
	}],
	["me", "TEXT", "tells what you do: /me waves", (text, c) => say(c, text, "action")],
	["join", "ROOM", "enters another room, or makes it", (room) => enter(room.replace(/^#/, ""))],
	["leave", "", "leaves this room, or closes this private conversation", (_, c) => c && leave(c)],
	["rooms", "", "lists the rooms where people are", () => {
		showsReplies = performance.now() + REPLIES_MS;
		askRooms((a) => note(a.sentence));
	}],
	["topic", "[TEXT]", "shows what this room is about, or sets it; - removes it", (text, c) => {
		ask({ do: "topic", room: c.name, ...(text && { text: text === "-" ? "" : text }) }, (a) => {
			if (/^topic-(set|removed)$/.test(a.code)) c.topic = text === "-" ? "" : text;
			note(a.sentence);
		});
	}],
	["history", "[LINES]", "fetches what was said last in this room", (text, c) => {
		askHistory(c, Math.min(100, Number.parseInt(text, 10) || 100), (a) => a.code === "history" || note(a.sentence));
	}],
	["ignore", "[NAME]", "hides what somebody says, or shows it again", (name) => {
		const { ignored } = model, key = lower(name);
		if (!name) return note(ignored.size > 0 ? `You ignore: ${[...ignored].join(", ")}` : "You ignore nobody");
		if (!ignored.delete(key)) ignored.add(key);
		note(ignored.has(key) ? `You no longer see what ${name} says; /ignore ${name} again undoes this`
			: `You see what ${name} says again`);
		remember("ignored", [...ignored]);
	}],
	["quit", "", "leaves the chat", () => leaveChat("you left")],
];

/* Names that users of other chats try. */
const aliases = new Map(Object.entries({
	"?": "help", name: "nick", names: "who", list: "rooms", part: "leave", tell: "msg", whisper: "msg", w: "msg", m: "msg",
	pm: "msg", dm: "msg", query: "msg", r: "reply", exit: "quit", bye: "quit", q: "quit",
}));

const MORE_HELP = `//TEXT: says a line that begins with a slash
Enter sends; Shift+Enter begins a new line
Tab completes a command, a name or a room
Page Up and Page Down scroll; Escape goes to the newest lines
Alt+Up and Alt+Down go to the conversation above or below`;

function findCommand(word) {
	const name = lower(word).replace(/^\//, "");
	return commands.find(([known]) => known === (aliases.get(name) ?? name));
}

function helpOn(word) {
	const found = findCommand(word), explain = ([name, rest, what]) => `${`/${name} ${rest}`.trim()}: ${what}`;
	if (found) return explain(found);
	return word ? `Unknown command ${word}; /help lists the commands` : [...commands.map(explain), MORE_HELP].join("\n");
}

/* Obeys a command, or says a text. Returns the reason if nothing was done. A text that is meant as a command is never
 * said. */
function obey(text) {
	const c = view.current, [, blank, word, rest] = text.match(/^(\s*)(\S*)\s*([^]*?)\s*$/), command = findCommand(word);
	if (/\n/.test(text.trim()) && text.split("\n").some((line) => line[0] === "/" && findCommand(line.split(/\s/)[0])))
		return "Not sent: a command must be a message of its own.";
	if (!/^\/[^/]*$/.test(word) || /\n/.test(text.trim())) { /* "//TEXT" and "/etc/passwd" are text, too */
		if (c) say(c, text.replace(/^\/\//, "/"));
		return c ? "" : "Enter a room first.";
	}
	if (blank) return `Not sent. Commands start at the beginning of the line: ${word}`;
	const near = commands.find(([name]) => word.length > 1 && name.startsWith(lower(word.slice(1))));
	if (!command) return `Unknown command ${word}${near ? `. Did you mean /${near[0]}?` : ";"} /help lists the commands`;
	if (/^[A-Z]/.test(command[1]) && !rest) return `Usage: /${command[0]} ${command[1]}`;
	if (c?.kind !== "room" && /^(who|me|topic|history)$/.test(command[0])) return "Go to a room first.";
	if (connection.state !== "open" && /^(nick|who|rooms|topic|history)$/.test(command[0])) return NO_CONNECTION;
	command[3](rest, c);
	return "";
}

/* ---- the keys ---- */

let tab = null; // what Tab completed last

/* Completes the word before the cursor, or shows the next completion. Returns false if there is none: then Tab leaves
 * the message. */
function complete(input) {
	if (tab?.text !== input.value) {
		const { value, selectionStart: end } = input, start = value.slice(0, end).search(/\S*$/);
		const word = lower(value.slice(start, end)), isCommand = word.startsWith("/") && start === 0;
		const rooms = [...model.rooms.map(({ room }) => room), ...model.of("room").map((c) => c.name)];
		const people = [...(view.current?.people ?? []), ...model.of("private").map((c) => c.name)];
		const all = isCommand ? commands.map(([name]) => `/${name}`) : /^\/(join|part)\s/i.test(value) ? rooms : people;
		const found = [...new Set(all)].filter((w) => word && w !== model.name && lower(w).startsWith(word)).sort();
		const sign = start > 0 || isCommand ? " " : ": ";
		tab = { found, sign, place: -1, front: value.slice(0, start), behind: value.slice(end) };
		put($("hint"), found.length > 1 ? found.join("  ") : "");
	}
	if (++tab.place >= tab.found.length) return false;
	const front = tab.front + tab.found[tab.place] + tab.sign;
	input.value = tab.text = front + tab.behind;
	input.setSelectionRange(front.length, front.length);
	return true;
}

function send() {
	const input = $("input"), text = input.value;
	put($("hint"), "");
	const why = text.trim() && obey(text);
	if (why) put($("hint"), why);
	else input.value = "";
	view.toNewest();
}

$("input").onkeydown = (e) => {
	const log = $("log"), isPlain = !e.shiftKey && !e.altKey && !e.ctrlKey && !e.metaKey && !e.isComposing;
	const keys = {
		Enter: () => (send(), true),
		Tab: () => complete(e.target),
		PageUp: () => (log.scrollBy(0, -log.clientHeight), true),
		PageDown: () => (log.scrollBy(0, log.clientHeight), true),
	};
	if (isPlain && Object.hasOwn(keys, e.key) && keys[e.key]()) e.preventDefault();
};

document.addEventListener("keydown", (e) => {
	if (e.altKey && !e.ctrlKey && /^Arrow(Up|Down)$/.test(e.key)) {
		const all = [...model.of("room"), ...model.of("private")], step = e.key === "ArrowUp" ? -1 : 1;
		e.preventDefault();
		show(all.at((all.indexOf(view.current) + step) % all.length) ?? null);
	} else if (e.key === "Escape" && !$("hello").open) {
		view.drawer(null);
		view.toNewest();
		$("input").focus();
	}
});
document.addEventListener("visibilitychange", read);

/* ---- the start ---- */

function onSubmit(form, act) {
	$(form).onsubmit = (e) => {
		e.preventDefault();
		act();
	};
}

function begin(name) {
	wanted = name;
	remember("name", name);
	$("hello").close();
	connection.open();
	$("input").focus();
}

onSubmit("name-form", () => begin($("name").value.trim()));
onSubmit("say", () => {
	send();
	$("input").focus();
});
onSubmit("enter", () => {
	const name = $("room").value.trim().replace(/^#/, "");
	$("room").value = "";
	if (name) enter(name);
});
$("skip").onclick = $("hello").oncancel = () => begin("");
$("try").onclick = () => connection.open();
$("leave").onclick = () => view.current && leave(view.current);
$("help").onclick = () => {
	view.drawer(null);
	note(helpOn(""));
};
$("earlier").onclick = () => askHistory(view.current);
$("show-rooms").onclick = () => {
	view.drawer("rooms");
	askRooms();
};
$("show-people").onclick = () => view.drawer("people");
$("hide-rooms").onclick = $("hide-people").onclick = () => view.drawer(null);
$("notify").hidden = !globalThis.Notification || !isSecureContext;
$("notify").onclick = async () => {
	const isAllowed = (await Notification.requestPermission()) === "granted";
	remember("notify", isAllowed);
	put($("hint"), isAllowed ? "You will be notified of private messages and of your name while this page is hidden."
		: "The browser does not allow notifications.");
};

model.ignored = new Set([recall("ignored") ?? []].flat());
if (recall("name") === null) $("hello").showModal();
else connection.open();
