/* The program of the page. Its parts, each of which uses only those above it:
 *
 * - the text: pure functions
 * - the model: the conversations, and what is said in them. It knows neither the page nor the network.
 * - the connection: a WebSocket that comes back by itself
 * - the view: shows the model
 * - the application: events from the server, requests, and what is remembered
 * - the commands, the keys, and the start
 *
 * chat-json(5) describes events and requests. Whatever people write becomes the text of a node, and nothing else; only a
 * link's address also becomes the address of the link.
 */
"use strict";

/* ---- the text ---- */

const NAME_RULE = /^[A-Za-z][A-Za-z0-9._-]{0,23}$/;
const SAY_MAX_BYTES = 4000; // of a line that is sent. The server takes 4096, and makes some characters longer
const FIRST_ROOM = "lobby";

/* Returns how a person is called: "ann", or "ann@b" for a person on another host. */
function fullName(name, host) {
	return host ? `${name}@${host}` : name;
}

/* Returns one of 12 numbers, always the same for a name. */
function colorOf(name) {
	let hash = 0;
	for (const c of name.toLowerCase()) hash = (hash * 31 + c.codePointAt(0)) >>> 0;
	return hash % 12;
}

/* Returns true if the text has this name as a word of its own. */
function mentions(text, name) {
	const trim = (word) => word.replace(/[._-]+$/, "");
	return NAME_RULE.test(name) && text.toLowerCase().split(/[^a-z0-9._-]+/).map(trim).includes(trim(name.toLowerCase()));
}

/* Cuts a text into pieces: [text], or [text, address] for a link. */
function linkify(text) {
	const pieces = [];
	let end = 0;
	for (const { 0: found, index } of text.matchAll(/\bhttps?:\/\/[^\s<>"]+/gi)) {
		let link = found.replace(/[.,;:!?'*_]+$/, "");
		if (link.endsWith(")") && !link.includes("(")) link = link.slice(0, -1);
		const address = URL.canParse(link) ? new URL(link) : null;
		if (!address || !/^https?:$/.test(address.protocol)) continue;
		pieces.push([text.slice(end, index)], [link, address.href]);
		end = index + link.length;
	}
	return [...pieces, [text.slice(end)]].filter(([piece]) => piece);
}

/* Cuts a text into lines that can be sent. Empty lines are left out. */
function linesOf(text) {
	const lines = [];
	for (const whole of text.split(/\r\n|\r|\n/)) {
		let line = "", bytes = 0;
		for (const c of whole.replace(/[\0-\x08\x0b-\x1f]/g, "")) {
			const size = new Blob([c]).size;
			if (bytes + size > SAY_MAX_BYTES) {
				lines.push(line);
				line = "";
				bytes = 0;
			}
			line += c;
			bytes += size;
		}
		lines.push(line);
	}
	return lines.filter((line) => line.trim());
}

/* ---- the model ---- */

const LINES_MAX = 2000; // that a conversation keeps
const LINES_DROPPED = 100; // at once, if there are more
const CHECKED_MS = 60_000; // own lines this young may have been lost with the connection, although they were taken
const SENDING_MAX = 16; // lines of a conversation that wait for an answer at a time

/* A conversation: a room, or private messages with one person.
 *
 * `lines` has what was said and what happened, in the order in which it is shown. `pending` has the own lines that nobody
 * has confirmed. Each of them is in one of these states:
 *
 *   waiting      it was not sent yet
 *   sending      it was sent, and has no answer yet
 *   unsure       the connection was lost meanwhile
 *   unconfirmed  the past lines of the next connection do not have it: it may have been said, or not
 *   failed       the chat refused it
 *
 * Only a waiting line is sent without being asked for, so no line is ever said twice by the page alone.
 */
class Conversation {
	constructor(kind, name) {
		this.kind = kind; // "room" or "private"
		this.name = name;
		this.lines = [];
		this.byId = new Map();
		this.pending = [];
		this.people = []; // in a room: their names
		this.topic = "";
		this.unread = 0;
		this.isMentioned = false;
		this.isIn = kind === "private"; // the chat has said so, on this connection
		this.since = ""; // the id of the last line that came in the order of the chat
		this.own = []; // own lines that were taken lately, and `since` at that time
		this.past = null; // past lines are coming
		this.entry = null; // the room is being entered again: what came since then
	}

	/* Adds a line at a place; at the end without one. Returns false if it is there already. */
	add(line, place = this.lines.length) {
		if (line.id && this.byId.has(line.id)) return false;
		if (line.id) this.byId.set(line.id, line);
		if (place === this.lines.length) this.lines.push(line);
		else this.lines.splice(place, 0, line);
		if (this.lines.length > LINES_MAX)
			for (const old of this.lines.splice(0, LINES_DROPPED)) this.byId.delete(old.id);
		return true;
	}

	note(text, kind = "note", place = undefined) {
		this.add({ kind, text, time: Date.now() }, place);
	}

	/* Takes a past line. Lines that are here show where those between them belong. Returns true if it is new. */
	takePast(line) {
		const past = (this.past ??= { front: [], last: null });
		const known = this.byId.get(line.id);
		this.entry?.ids.add(line.id);
		if (!known && !past.last) {
			past.front.push(line);
		} else if (!known) {
			this.add(line, this.lines.lastIndexOf(past.last) + 1);
			past.last = line;
		} else {
			const place = this.lines.lastIndexOf(known);
			if (!past.last) past.front.splice(0).forEach((line, n) => this.add(line, place + n));
			if (!past.last || place > this.lines.lastIndexOf(past.last)) past.last = known;
			if (this.entry) this.entry.isJoined = true;
		}
		return !known;
	}

	/* The past lines have come. If none of them is known, they are newer than all that is here. */
	endPast() {
		this.past?.front.forEach((line) => this.add(line));
		this.past = null;
	}

	/* A line of this person came back, said by a session of this page: it is no longer pending. The lines of a session
	 * are said in their order. */
	confirm(line) {
		const session = line.id.slice(0, 16);
		const asked = this.pending.filter((p) => p.session === session && p.state !== "failed");
		const said = asked.find((p) => p.text === line.text) ?? asked[0];
		if (said) this.pending.splice(this.pending.indexOf(said), 1);
	}

	/* Begins to enter the room again. Returns the id of the line behind which past lines are wanted. */
	enterAgain(now) {
		const own = this.own.filter(({ line }) => now - line.time < CHECKED_MS);
		this.own = [];
		this.entry = { own, ids: new Set(), last: this.lines.at(-1), isMissing: false, isJoined: false };
		return own.length > 0 ? own[0].since : this.since;
	}

	/* The past lines behind an entry have come, or the connection was lost meanwhile. Says what is missing. Own lines
	 * that are not among them become unconfirmed, also those that a session took, if it took them with it. */
	endEntry(isComplete) {
		const entry = this.entry;
		if (!entry) return;
		this.entry = null;
		if (entry.isMissing && !entry.isJoined && entry.last)
			this.note("Lines that were said meanwhile may be missing here.", "gap", this.lines.lastIndexOf(entry.last) + 1);
		if (!isComplete) this.own.unshift(...entry.own);
		if (!isComplete) return;
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
		this.sessions = new Set(); // and of all earlier ones of this page
		this.conversations = new Map();
		this.rooms = []; // of the chat
		this.ignored = new Set();
		this.writer = null; // of the last private message
	}

	find(kind, name) {
		return this.conversations.get(`${kind} ${name.toLowerCase()}`);
	}

	/* Returns the conversation, and makes it if there is none. */
	get(kind, name) {
		if (!this.find(kind, name)) this.conversations.set(`${kind} ${name.toLowerCase()}`, new Conversation(kind, name));
		return this.find(kind, name);
	}

	remove(conversation) {
		this.conversations.delete(`${conversation.kind} ${conversation.name.toLowerCase()}`);
	}

	of(kind) {
		return [...this.conversations.values()].filter((c) => c.kind === kind);
	}

	get unread() {
		return [...this.conversations.values()].reduce((sum, c) => sum + c.unread, 0);
	}

	isIgnored(name) {
		return this.ignored.has(name.toLowerCase());
	}

	isOwn(id) {
		return this.sessions.has(id.slice(0, 16));
	}

	/* Takes an event about a line. Returns it, and its conversation, if a person should know of it. */
	takeLine(e) {
		const name = fullName(e.name, e.host), isPast = e.event === "past", isPrivate = e.event === "private";
		const line = {
			kind: (isPast ? e.said : e.event) === "action" ? "action" : "line",
			id: e.id, name, text: e.text, time: Date.parse(e.time) || Date.now(), isOwn: this.isOwn(e.id),
		};
		const conversation = this.get(isPrivate ? "private" : "room", isPrivate ? name : e.room);
		if (!isPrivate) conversation.since = e.id;
		if (!line.isOwn && this.isIgnored(name)) return null;
		if (isPrivate) this.writer = conversation;
		line.isMention = !line.isOwn && !isPrivate && mentions(e.text, this.name);
		if (line.isOwn && !conversation.byId.has(e.id)) conversation.confirm(line);
		const isNew = isPast ? conversation.takePast(line) : conversation.add(line);
		return isNew && !line.isOwn && (!isPast || conversation.entry) ? { conversation, line } : null;
	}

	/* The chat took a pending line. */
	said(conversation, pending, e, now) {
		const { text, kind } = pending;
		const line = { kind, id: e.id, name: this.name, text, time: now, isOwn: true, session: this.session };
		conversation.pending.splice(conversation.pending.indexOf(pending), 1);
		if (conversation.add(line) && conversation.kind === "room") {
			conversation.own = conversation.own.filter((own) => now - own.line.time < CHECKED_MS);
			conversation.own.push({ line, since: conversation.since });
		}
	}

	/* Takes an event about a person in a room. */
	takePerson(e) {
		const name = fullName(e.name, e.host), room = this.find("room", e.room);
		if (!room) return;
		const others = room.people.filter((p) => p !== name), isQuiet = this.isIgnored(name);
		const tell = (text) => isQuiet || room.add({ kind: "note", id: e.id, text, time: Date.parse(e.time) || Date.now() });
		if (e.event === "join") {
			room.people = [...others, name];
			tell(e.from ? `${name} came from ${e.from}` : `${name} is here`);
		} else if (e.event === "leave") {
			room.people = others;
			tell(e.removed ? `${name} was removed` : e.to ? `${name} went to ${e.to}` : `${name} left`);
		} else if (e.event === "topic") {
			room.topic = e.text;
			tell(e.text ? `${name} set the topic: ${e.text}` : `${name} removed the topic`);
		} else {
			const now = fullName(e.new, e.host), talk = this.find("private", name);
			room.people = [...others, now];
			tell(`${name} is now called ${now}`);
			if (isQuiet) this.ignored.add(now.toLowerCase());
			if (!talk || this.find("private", now)) return;
			this.remove(talk);
			talk.name = now;
			this.conversations.set(`private ${now.toLowerCase()}`, talk);
		}
	}

	/* Takes a list of rooms with the people in each. */
	takePeople(rooms) {
		for (const { room, topic = "", names = [] } of rooms) {
			const conversation = this.find("room", room);
			if (conversation) Object.assign(conversation, { topic, people: names });
		}
	}

	/* Returns the conversation that has a line of this id. */
	holder(id) {
		return [...this.conversations.values()].find((c) => c.byId.has(id));
	}

	lost() {
		for (const c of this.conversations.values()) {
			c.endPast();
			c.endEntry(false);
			c.isIn = c.kind === "private";
			for (const p of c.pending) if (p.state === "sending") p.state = "unsure";
		}
	}
}

/* ---- the connection ---- */

const ALIVE_MS = 20_000; // without a message: the server is asked for a sign of life
const ANSWER_MS = 10_000; // for this sign, and for opening a connection
const AWAY_MS = 60_000; // for this sign while the chat itself is away
const DELAY_MIN_MS = 500;
const DELAY_MAX_MS = 30_000;
const STEADY_MS = 10_000; // a connection that lasted so long was a good one

/* A WebSocket that is opened again after each loss. Its state is "connecting", "open", "waiting" for the next try, or
 * "closed" until open() is called. A page does not see the pings of a server, and a network may die silently. So the page
 * asks for a sign of life. The request "ping" is none that the server knows: chat-web answers so by itself, at once,
 * also while there is no chatd, and other hosts are not asked. */
class Connection {
	constructor(address, on) {
		Object.assign(this, { address, on, state: "closed", isAway: false, tries: 0, nextTry: 0, timer: 0 });
		setInterval(() => this.check(), 1000);
		addEventListener("online", () => this.hurry());
		document.addEventListener("visibilitychange", () => document.hidden || this.hurry());
	}

	open() {
		this.close("connecting");
		this.heard = this.began = performance.now();
		this.asked = 0;
		this.isAway = false;
		const socket = (this.socket = new WebSocket(this.address, "chat-json"));
		socket.onopen = () => this.be("open");
		socket.onclose = () => this.lose();
		socket.onmessage = ({ data }) => {
			this.heard = performance.now();
			this.asked = 0;
			let event;
			try {
				event = JSON.parse(data);
			} catch {
				return;
			}
			if (event.event === "away" || event.event === "back") this.isAway = event.event === "away";
			this.on.event(event);
		};
	}

	be(state) {
		this.state = state;
		this.on.state();
	}

	/* Ends the connection. There is no other one until open() is called. */
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

	/* The network may be back, or another one: tries at once. */
	hurry() {
		if (this.state === "waiting") this.open();
		else if (this.state === "open") this.ask();
	}

	ask() {
		if (!this.asked) this.asked = performance.now();
		this.send({ do: "ping", ref: "ping" });
	}

	check() {
		const now = performance.now();
		if (this.state === "waiting") this.on.state();
		if (this.state === "connecting" && now - this.began > ANSWER_MS) this.lose();
		else if (this.state === "open" && this.asked && now - this.asked > (this.isAway ? AWAY_MS : ANSWER_MS)) this.lose();
		else if (this.state === "open" && !this.asked && now - this.heard > ALIVE_MS) this.ask();
	}

	/* Returns false if there is no connection. */
	send(request) {
		if (this.state !== "open") return false;
		this.socket.send(JSON.stringify(request));
		return true;
	}
}

/* ---- the view ---- */

const SHOWN_MAX = 500; // lines that are in the page at a time
const SHOWN_STEP = 200; // how many lines further these move when somebody scrolls to their end
const NEAR_PX = 60;
const GROUP_MS = 5 * 60_000; // lines of one person that follow each other so fast have one head
const PEOPLE_MAX = 500;
const BUBBLE = "<path d='M3 5h26v18H14l-7 6v-6H3z' fill='%231f5f8b'/>";
const icon = (more) => `data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'>${BUBBLE}${more}</svg>`;
const ICON = icon(""), ICON_UNREAD = icon("<circle cx='24' cy='8' r='8' fill='%23d9531e'/>");

const $ = (id) => document.getElementById(id);

/* Makes an element. Texts among its children become text nodes. */
function make(tag, className, ...children) {
	const element = document.createElement(tag);
	if (className) element.className = className;
	element.append(...children);
	return element;
}

function makeButton(text, onclick) {
	const button = make("button", "", text);
	button.type = "button";
	button.onclick = onclick;
	return button;
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

/* Shows the model. Changes are drawn together before the next frame. */
class View {
	constructor(model, on) {
		Object.assign(this, { model, on, current: null, isQueued: false, elements: new WeakMap(), entries: new Map() });
		this.clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
		this.calendar = new Intl.DateTimeFormat(undefined, { dateStyle: "full" });
		this.show(null);
		$("log").onscroll = () => this.scrolled();
		$("newest").onclick = () => this.toNewest();
		new ResizeObserver(() => this.sticks && this.toBottom()).observe($("log"));
	}

	/* Shows another conversation. A screen reader does not read its old lines. */
	show(conversation) {
		Object.assign(this, { current: conversation, top: null, sticks: true, seen: 0, end: 0, days: new Map() });
		$("log").setAttribute("aria-live", "off");
		clearTimeout(this.quiet);
		this.quiet = setTimeout(() => $("log").setAttribute("aria-live", "polite"), 1000);
		this.changed();
	}

	changed() {
		const count = this.model.unread;
		document.title = count > 0 ? `(${count}) chat` : "chat";
		const link = document.querySelector("link[rel=icon]"), href = count > 0 ? ICON_UNREAD : ICON;
		if (link.getAttribute("href") !== href) link.href = href;
		if (this.isQueued) return;
		this.isQueued = true;
		requestAnimationFrame(() => {
			this.isQueued = false;
			this.draw();
		});
	}

	draw() {
		const c = this.current;
		$("title").textContent = c?.name ?? "chat";
		$("topic").textContent = c?.topic ?? "";
		$("leave").hidden = !c;
		$("leave").textContent = c?.kind === "private" ? "Close" : "Leave";
		this.drawLists();
		this.drawLines();
	}

	/* ---- the lines ---- */

	toBottom() {
		$("log").scrollTop = $("log").scrollHeight;
	}

	toNewest() {
		Object.assign(this, { top: null, sticks: true });
		this.changed();
	}

	/* Somebody scrolled, or the page did. Near an end of the lines in the page, they are moved. */
	scrolled() {
		const log = $("log"), lines = this.current?.lines ?? [], below = log.scrollHeight - log.clientHeight - log.scrollTop;
		const start = Math.max(0, lines.indexOf(this.first));
		this.sticks = below < NEAR_PX && this.hasLast;
		if (this.sticks) this.top = null;
		else if (log.scrollTop < NEAR_PX) this.top = lines[Math.max(0, start - SHOWN_STEP)];
		else if (below < NEAR_PX) this.top = lines[Math.max(0, Math.min(start + SHOWN_STEP, lines.length - SHOWN_MAX))];
		else this.top = lines[start];
		this.changed();
	}

	/* Returns the element of a day, which stands above its lines. */
	day(line) {
		const text = this.calendar.format(line.time);
		if (!this.days.has(text)) this.days.set(text, make("li", "day", make("span", "", text)));
		return this.days.get(text);
	}

	drawLines() {
		const log = $("log"), lines = this.current?.lines ?? [], days = new Set(), children = [];
		const start = this.sticks || !this.top ? Math.max(0, lines.length - SHOWN_MAX) : Math.max(0, lines.indexOf(this.top));
		this.end = Math.min(lines.length, start + SHOWN_MAX);
		this.hasLast = this.end === lines.length; // of those that there were when this was drawn
		this.first = lines[start];
		for (let i = start, last = null; i < this.end; i++) {
			const line = lines[i], element = this.line(line), day = this.day(line);
			if (!days.has(day)) children.push(day);
			const isMore = !!last && days.has(day) && !!line.name && line.name === last.name && last.kind === "line" &&
				line.kind === "line" && line.time - last.time < GROUP_MS;
			element.classList.toggle("more", isMore);
			days.add(day);
			children.push(element);
			last = line;
		}
		const kept = new Set(children);
		const anchor = !this.sticks &&
			[...$("lines").children].find((e) => kept.has(e) && e.offsetTop + e.offsetHeight > log.scrollTop);
		const before = anchor && anchor.offsetTop;
		putChildren($("lines"), children);
		putChildren($("pending"), this.current?.pending.map((p) => this.pending(p)) ?? []);
		if (this.sticks) this.toBottom();
		else if (anchor && anchor.offsetTop !== before) log.scrollTop += anchor.offsetTop - before;
		if (this.sticks) this.seen = lines.at(-1);
		const missed = this.sticks ? 0 : lines.length - 1 - lines.lastIndexOf(this.seen);
		$("newest").hidden = this.sticks;
		$("newest").textContent = missed > 0 ? `Newest lines (${missed})` : "Newest lines";
		$("earlier").hidden = start > 0 || this.current?.kind !== "room" || !this.current.isIn;
	}

	time(line) {
		const element = make("time", "", this.clock.format(line.time));
		element.dateTime = new Date(line.time).toISOString();
		return element;
	}

	text(text) {
		return make("span", "text", ...linkify(text).map(([piece, address]) => {
			if (!address) return piece;
			const link = make("a", "", piece);
			Object.assign(link, { href: address, target: "_blank", rel: "noopener noreferrer nofollow" });
			return link;
		}));
	}

	/* Returns the element of a line. It is made once. */
	line(line) {
		let element = this.elements.get(line);
		if (element) return element;
		if (line.name) {
			const name = make("span", `name c${colorOf(line.name)}`, line.name);
			const text = this.text(line.kind === "action" ? `${line.name} ${line.text}` : line.text);
			const head = make("span", "head", line.kind === "action" ? "" : name, this.time(line));
			element = make("li", `said ${line.kind}`, head, text);
			text.dir = "auto";
			if (line.isMention) element.classList.add("mention");
		} else {
			element = make("li", line.kind, this.text(line.text), this.time(line));
		}
		this.elements.set(line, element);
		return element;
	}

	pending(p) {
		const words = {
			waiting: "not sent yet", sending: "sending …", unsure: "not confirmed yet",
			unconfirmed: "Not confirmed: the connection was lost, and nobody may have got this.", failed: p.why,
		};
		const cached = this.elements.get(p);
		if (cached?.state === p.state) return cached.element;
		const why = make("span", "why", words[p.state]);
		if (p.state === "unconfirmed" || p.state === "failed")
			why.append(makeButton("Send again", () => this.on.again(p)), makeButton("Discard", () => this.on.discard(p)));
		const element = make("li", p.state === "unconfirmed" ? "unsure" : p.state, this.text(p.text), why);
		this.elements.set(p, { state: p.state, element });
		return element;
	}

	/* ---- the lists beside them ---- */

	/* Returns the entry of a list, a button with these texts. It is kept as long as the list has it. */
	entry(key, name, detail, badge, isCurrent, onclick) {
		if (!this.entries.has(key)) {
			const button = makeButton("", null);
			button.replaceChildren(make("span"), make("small"), make("span", "badge"), make("span", "unseen", "unread"));
			this.entries.set(key, { item: make("li", "", button), button });
		}
		const { item, button } = this.entries.get(key), texts = [name, detail, badge > 0 ? `${badge}` : ""];
		texts.forEach((text, n) => button.children[n].textContent !== text && (button.children[n].textContent = text));
		button.children[2].hidden = button.children[3].hidden = badge === 0;
		button.onclick = onclick;
		if (isCurrent) button.setAttribute("aria-current", "true");
		else button.removeAttribute("aria-current");
		return item;
	}

	drawLists() {
		const { model, current } = this;
		const talk = (c) => {
			const item = this.entry(c, c.name, "", c.unread, c === current, () => this.on.show(c));
			item.className = c.isMentioned ? "mentioned" : "";
			return item;
		};
		const others = model.rooms.filter(({ room }) => !model.find("room", room));
		putChildren($("rooms"), model.of("room").map(talk));
		putChildren($("privates"), model.of("private").map(talk));
		$("privates-title").hidden = model.of("private").length === 0;
		putChildren($("others"), others.map(({ room, people }) =>
			this.entry(`room ${room}`, room, `${people}`, 0, false, () => this.on.enter(room))));
		const unread = model.unread - (current?.unread ?? 0);
		$("show-rooms").textContent = unread > 0 ? `Rooms (${unread})` : "Rooms";
		if (this.drawnPeople === current?.people && this.drawnName === model.name) return;
		Object.assign(this, { drawnPeople: current?.people, drawnName: model.name });
		const people = [...(current?.people ?? [])].sort((a, b) => (a.toLowerCase() < b.toLowerCase() ? -1 : 1));
		$("people-title").textContent = people.length > 0 ? `People (${people.length})` : "People";
		const items = people.slice(0, PEOPLE_MAX).map((name) => {
			const isYou = name === model.name;
			const item = this.entry(`person ${name}`, name, isYou ? "you" : "", 0, false, () => isYou || this.on.talk(name));
			item.firstChild.firstChild.className = `name c${colorOf(name)}`;
			return item;
		});
		putChildren($("people"), items);
		if (this.entries.size > 4 * PEOPLE_MAX)
			for (const [key, { item }] of this.entries) if (!item.isConnected) this.entries.delete(key);
	}

	/* Opens or closes the drawers. */
	drawer(id) {
		for (const [side, button] of [["rooms-side", "show-rooms"], ["people-side", "show-people"]]) {
			const wasOpen = $(side).classList.contains("open");
			$(side).classList.toggle("open", side === id);
			$(button).setAttribute("aria-expanded", `${side === id}`);
			if (side === id) $(side).querySelector(".close").focus();
			else if (wasOpen && $(side).contains(document.activeElement)) $(button).focus();
		}
	}
}

/* ---- the application ---- */

const SETTLED_MS = 1500; // after an entry: until then the server may say that lines are missing
const NAME_TRIES_S = [1, 3, 10, 35, 60]; // until a lost connection gives its name back
const FULL_MS = 30_000; // until the next try if the chat is full

/* What is remembered between visits. A browser may refuse that. */
const memory = {
	get(key) {
		try {
			return JSON.parse(localStorage.getItem(`chat.${key}`));
		} catch {
			return null;
		}
	},
	set(key, value) {
		try {
			localStorage.setItem(`chat.${key}`, JSON.stringify(value));
		} catch {
			/* then it is forgotten */
		}
	},
};

const app = {
	model: new Model(),
	requests: new Map(), // what is to be done with the answer to each
	count: 0,
	wanted: "", // the name that the person chose
	hadName: false, // the wanted name was this person's before
	motd: "",
	reason: "", // why there is no connection
	asksAll: 0, // until when replies of other hosts are shown

	begin() {
		const { model } = app, name = memory.get("name"), rooms = memory.get("rooms"), ignored = memory.get("ignored");
		const isName = (text) => typeof text === "string" && NAME_RULE.test(text);
		app.view = new View(model, {
			show: app.show, enter: app.enter, again: app.again, discard: app.discard,
			talk: (name) => app.show(model.get("private", name)),
		});
		app.connection = new Connection(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws`, {
			event: app.event, lost: app.lost, state: app.state,
		});
		app.rooms = Array.isArray(rooms) ? rooms.filter(isName) : [];
		if (app.rooms.length === 0) app.rooms = [FIRST_ROOM];
		if (Array.isArray(ignored)) model.ignored = new Set(ignored.filter((name) => typeof name === "string"));
		app.wanted = isName(name) ? name : "";
		app.hadName = app.wanted !== "";
		if (name === null) $("hello").showModal();
		else app.connection.open();
	},

	/* Sends a request. `then` gets its answer, unless the connection is lost before. */
	ask(request, then = () => {}) {
		app.requests.set(++app.count, then);
		return app.connection.send({ ...request, ref: app.count });
	},

	/* ---- events ---- */

	event(e) {
		if (e.event !== "past") for (const c of app.model.conversations.values()) c.endPast();
		const take = app.takers[e.event];
		if (take) take(e);
		app.view.changed();
	},

	takers: {
		welcome(e) {
			const isAgain = e.id === app.model.session;
			Object.assign(app.model, { name: e.name, session: e.id });
			app.model.sessions.add(e.id);
			app.state();
			if (isAgain) return;
			app.takeName(0);
			const rooms = app.model.of("room").map((c) => c.name);
			for (const room of rooms.length > 0 ? rooms : app.rooms) app.enter(room, false);
			for (const c of app.model.of("private"))
				for (const p of c.pending) if (p.state === "unsure") p.state = "unconfirmed";
			app.askRooms();
			app.flush();
		},
		line: (e) => app.told(app.model.takeLine(e)),
		action: (e) => app.told(app.model.takeLine(e)),
		private: (e) => app.told(app.model.takeLine(e)),
		past: (e) => app.told(app.model.takeLine(e)),
		join: (e) => app.model.takePerson(e),
		leave(e) {
			app.model.takePerson(e);
			if (e.name.toLowerCase() === app.wanted.toLowerCase()) app.takeName(0);
		},
		rename: (e) => app.model.takePerson(e),
		topic: (e) => app.model.takePerson(e),
		missing(e) {
			const room = app.model.find("room", e.room);
			if (room?.entry) room.entry.isMissing = true;
		},
		skipped(e) {
			for (const c of app.model.of("room").filter((c) => c.isIn)) {
				c.note(`${e.lines} lines were skipped: this connection was too slow.`, "gap");
				app.ask({ do: "history", room: c.name, lines: 100 });
			}
		},
		answer: (e) => app.answered(e),
		error: (e) => app.answered(e),
		notice(e) {
			app.note(e.sentence ?? e.text);
			if (/^removed/.test(e.code)) app.leaveChat(e.sentence ?? e.text);
		},
		reply(e) {
			if (performance.now() < app.asksAll) app.note(`${e.host}: ${e.sentence ?? e.text}`);
		},
		motd(e) {
			if (!app.view.current) app.motd = e.text;
		},
		away: () => app.state(),
		back: () => app.state(),
		refused(e) {
			app.reason = e.sentence;
			if (/full$/.test(e.code)) app.connection.lose(FULL_MS);
			else app.connection.close();
		},
	},

	/* An answer without a request is about a line that was taken before: it has the id of this line. */
	answered(e) {
		const then = app.requests.get(e.ref);
		app.requests.delete(e.ref);
		if (then) then(e);
		else if (e.id) (app.model.holder(e.id) ?? app.view.current)?.note(e.sentence);
		else if (e.ref !== "ping" && e.sentence) app.note(e.sentence);
	},

	lost() {
		app.requests.clear();
		app.model.lost();
		app.view.changed();
	},

	/* A line of somebody else came. */
	told(what) {
		if (!what) return;
		const { conversation, line } = what, isCalled = conversation.kind === "private" || line.isMention;
		if (conversation === app.view.current && !document.hidden) return;
		conversation.unread++;
		conversation.isMentioned ||= isCalled;
		if (!isCalled || !document.hidden || !memory.get("notify") || globalThis.Notification?.permission !== "granted") return;
		const title = conversation.kind === "private" ? line.name : `${line.name} in ${conversation.name}`;
		const shown = new Notification(title, { body: line.text, tag: conversation.name });
		shown.onclick = () => {
			window.focus();
			app.show(conversation);
			shown.close();
		};
	},

	/* Shows the state of the connection. */
	state() {
		const { connection, model } = app;
		if (!connection) return;
		const seconds = Math.max(1, Math.ceil((connection.nextTry - performance.now()) / 1000));
		if (connection.state === "open") app.reason = "";
		const texts = {
			connecting: "Connecting …",
			open: connection.isAway ? "Connected. The chat is unavailable; what you say is kept until it is back."
				: model.name ? `Connected as ${model.name}` : "Connecting …",
			waiting: app.reason ? `Refused: ${app.reason}. Trying again later.`
				: navigator.onLine ? "Connection lost. Reconnecting …" : "Connection lost: there is no network.",
			closed: app.reason ? `Not connected: ${app.reason}` : "Not connected",
		};
		const text = texts[connection.state];
		if ($("state-text").textContent !== text) $("state-text").textContent = text;
		$("state").dataset.state = connection.state;
		$("try").hidden = connection.state === "open" || connection.state === "connecting";
		$("try").textContent = connection.state === "waiting" ? `Try now (${seconds} s)` : "Connect";
	},

	leaveChat(reason) {
		app.reason = reason;
		app.connection.close();
	},

	/* ---- rooms and people ---- */

	note(text, conversation = app.view.current) {
		if (conversation) conversation.note(text);
		else app.motd += `${app.motd && "\n"}${text}`;
		app.view.changed();
	},

	show(conversation) {
		app.view.drawer(null);
		if (conversation !== app.view.current) app.view.show(conversation);
		app.read();
		if (matchMedia("(pointer: fine)").matches) $("input").focus();
	},

	/* The current conversation is being read. */
	read() {
		const c = app.view.current;
		if (c && !document.hidden) Object.assign(c, { unread: 0, isMentioned: false });
		app.view.changed();
	},

	/* Asks for the wanted name. That of a lost connection becomes free after a while. */
	takeName(tries) {
		const { model, wanted } = app, { session } = model;
		if (!wanted || wanted === model.name) return;
		app.ask({ do: "nick", name: wanted }, (a) => {
			if (a.code === "renamed") return app.renamed(a.name, app.hadName);
			const isTaken = a.code === "name-taken" || a.code === "name-alike";
			if (tries === 0) app.note(a.sentence);
			if (!isTaken || !app.hadName || tries >= NAME_TRIES_S.length) return;
			setTimeout(() => session === model.session && app.takeName(tries + 1), NAME_TRIES_S[tries] * 1000);
		});
	},

	renamed(name, isQuiet = false) {
		const { model } = app;
		for (const c of model.of("room")) c.people = c.people.map((p) => (p === model.name ? name : p));
		Object.assign(app, { wanted: name, hadName: true });
		model.name = name;
		memory.set("name", name);
		if (!isQuiet) app.note(`You are now called ${name}`);
		app.state();
	},

	/* Enters a room, or enters it again with the lines that were said meanwhile. */
	enter(name, isAsked = true) {
		const { model } = app, before = model.find("room", name), now = Date.now();
		if (before?.isIn) return app.show(before);
		const since = before?.enterAgain(now), entry = before?.entry;
		app.ask({ do: "join", room: name, ...(since && { since }) }, (a) => {
			if (a.code !== "entered" && a.code !== "room-same") {
				app.note(a.sentence ?? a.code);
				return;
			}
			const room = model.get("room", a.rooms?.[0]?.room ?? a.room);
			room.isIn = true;
			model.takePeople(a.rooms ?? []);
			if (isAsked || !app.view.current) app.show(room);
			if (app.motd) room.note(app.motd);
			app.motd = "";
			app.keepRooms();
			app.flush();
		});
		if (before && !since) /* it had no line of anybody else */
			app.ask({ do: "history", room: name, lines: 100 }, (a) => {
				if (a.code !== "history" && a.code !== "nothing-said") entry.isMissing = true;
			});
		app.ask({ do: "who", room: name }, (a) => { /* its answer comes behind the past lines */
			model.takePeople(a.rooms ?? []);
			if (entry) setTimeout(() => before.entry === entry && (before.endEntry(true), app.view.changed()), SETTLED_MS);
		});
	},

	leave(conversation) {
		const { model, view } = app, gone = () => {
			model.remove(conversation);
			app.keepRooms();
			if (view.current === conversation) app.show([...model.conversations.values()][0] ?? null);
			app.askRooms();
		};
		if (conversation.isIn && conversation.kind === "room") app.ask({ do: "leave", room: conversation.name }, gone);
		else gone();
	},

	keepRooms() {
		memory.set("rooms", app.model.of("room").map((c) => c.name));
		app.view.changed();
	},

	askRooms(then = () => {}) {
		app.ask({ do: "rooms" }, (a) => {
			app.model.rooms = a.rooms ?? [];
			then(a);
		});
	},

	/* ---- own lines ---- */

	say(conversation, text, kind = "line") {
		for (const line of linesOf(text)) conversation.pending.push({ text: line, kind, state: "waiting" });
		app.flush();
	},

	again(pending) {
		pending.state = "waiting";
		app.flush();
	},

	discard(pending) {
		for (const c of app.model.conversations.values()) c.pending = c.pending.filter((p) => p !== pending);
		app.view.changed();
	},

	/* Sends what waits. */
	flush() {
		const { model } = app;
		app.view.changed();
		if (!app.connection || app.connection.state !== "open" || !model.name) return;
		for (const c of model.conversations.values()) {
			if (!c.isIn) continue;
			let count = c.pending.filter((p) => p.state === "sending").length;
			for (const p of c.pending.filter((p) => p.state === "waiting")) {
				if (count++ >= SENDING_MAX) break;
				const what = c.kind === "private" ? { do: "msg", to: c.name } : { do: p.kind === "action" ? "act" : "say", room: c.name };
				Object.assign(p, { state: "sending", session: model.session });
				app.ask({ ...what, text: p.text }, (a) => {
					if (a.code === "said" || a.code === "sent") model.said(c, p, a, Date.now());
					else Object.assign(p, { state: "failed", why: a.sentence ?? "It was refused." });
					app.flush();
				});
			}
		}
	},
};

/* ---- the commands ---- */

const commands = [
	["help", "[COMMAND]", "lists the commands, or explains one", (rest) => app.note(helpOn(rest))],
	["nick", "NAME", "takes another name", (name) => app.ask({ do: "nick", name }, (a) =>
		a.code === "renamed" ? app.renamed(a.name) : app.note(a.sentence))],
	["who", "", "lists who is here", () => {
		app.ask({ do: "who", room: roomHere() }, (a) => {
			app.model.takePeople(a.rooms ?? []);
			app.note(a.sentence);
		});
	}],
	["msg", "NAME [TEXT]", "sends a private message", (rest) => {
		const [, name, text] = rest.match(/^(\S+)\s*(.*)$/);
		const talk = app.model.get("private", name);
		app.show(talk);
		app.say(talk, text);
	}],
	["reply", "TEXT", "replies to your last private message", (text) => {
		if (!app.model.writer) return app.note("Nobody has sent you a private message yet");
		app.show(app.model.writer);
		app.say(app.model.writer, text);
	}],
	["me", "TEXT", "tells what you do: /me waves", (text) => app.say(app.view.current, text, "action")],
	["join", "ROOM", "enters another room, or makes it", (room) => app.enter(room.replace(/^#/, ""))],
	["leave", "", "leaves this room, or closes this private conversation", () => app.leave(app.view.current)],
	["rooms", "", "lists the rooms where people are", () => {
		app.asksAll = performance.now() + 10_000;
		app.askRooms((a) => app.note(a.sentence));
	}],
	["topic", "[TEXT]", "shows what this room is about, or sets it; - removes it", (text) => {
		const what = text === "-" ? { text: "" } : text ? { text } : {}, room = roomHere();
		app.ask({ do: "topic", room, ...what }, (a) => {
			app.note(a.sentence);
			if (a.code === "topic-set" || a.code === "topic-removed") app.ask({ do: "who", room }, (w) => {
				app.model.takePeople(w.rooms ?? []);
				app.view.changed();
			});
		});
	}],
	["history", "[LINES]", "fetches what was said last in this room", (text) => {
		const lines = Math.min(100, Math.max(1, Number.parseInt(text, 10) || 100));
		app.ask({ do: "history", room: roomHere(), lines }, (a) => a.code === "history" || app.note(a.sentence));
	}],
	["ignore", "[NAME]", "hides what somebody says, or shows it again", (name) => {
		const { ignored } = app.model, key = name.toLowerCase();
		if (!name) return app.note(ignored.size > 0 ? `You ignore: ${[...ignored].join(", ")}` : "You ignore nobody");
		if (!ignored.delete(key)) ignored.add(key);
		app.note(ignored.has(key) ? `You no longer see what ${name} says; /ignore ${name} again undoes this`
			: `You see what ${name} says again`);
		memory.set("ignored", [...ignored]);
	}],
	["quit", "", "leaves the chat", () => app.leaveChat("you left")],
];

/* Names that users of other chats try. */
const aliases = {
	"?": "help", name: "nick", names: "who", list: "rooms", part: "leave", tell: "msg", whisper: "msg", w: "msg", m: "msg",
	pm: "msg", dm: "msg", query: "msg", r: "reply", exit: "quit", bye: "quit", q: "quit",
};

const KEYS = `Enter: sends; Shift+Enter: another row
Tab: completes a command, a name or a room
Up, Down: your own lines, in an empty message
Page Up, Page Down: scroll; Escape: newest line
Alt+Up, Alt+Down: the room above or below; with Shift: the next one with unread lines`;

function roomHere() {
	return app.view.current?.kind === "room" ? app.view.current.name : FIRST_ROOM;
}

function findCommand(word) {
	const name = word.toLowerCase().replace(/^\//, "");
	return commands.find(([known]) => known === (Object.hasOwn(aliases, name) ? aliases[name] : name));
}

function helpOn(word) {
	const command = word && findCommand(word);
	const rows = (command ? [command] : commands).map(([name, rest, what]) => `/${`${name} ${rest}`.trim()}: ${what}`);
	if (word && !command) return `Unknown command ${word}; /help lists the commands`;
	return command ? rows[0] : [...rows, "//TEXT: says a line that begins with a slash", KEYS].join("\n");
}

/* Obeys a command, or says a text. Nothing that is meant as a command is said. Returns false if nothing was done. */
function obey(text) {
	const current = app.view.current, lines = text.split("\n");
	const refuse = (why) => {
		hint(why);
		return false;
	};
	if (lines.length > 1 && lines.some((line) => line.startsWith("/") && findCommand(line.split(/\s/)[0])))
		return refuse("Not sent: a command is a message of its own.");
	const [, blank, word, rest] = text.match(/^(\s*)(\S*)\s*([^]*?)\s*$/);
	const isCommand = lines.length === 1 && /^\/[^/]*$/.test(word) && text.trim() !== "";
	if (isCommand && blank) return refuse(`Not sent. Commands start at the beginning of the line: ${word}`);
	if (isCommand) {
		const command = findCommand(word);
		if (!command) {
			const near = commands.find(([name]) => word.length > 1 && name.startsWith(word.slice(1).toLowerCase()));
			return refuse(`Unknown command ${word}${near ? `. Did you mean /${near[0]}?` : ";"} /help lists the commands`);
		}
		if (/^[A-Z]/.test(command[1]) && !rest) return refuse(`Usage: /${command[0]} ${command[1]}`);
		if (!current && !["join", "nick", "quit"].includes(command[0])) return refuse("Enter a room first.");
		command[3](rest);
		return true;
	}
	if (!current) return refuse("Enter a room first.");
	app.say(current, text.startsWith("//") ? text.slice(1) : text);
	return true;
}

/* ---- the keys ---- */

const own = { lines: [], place: 0 }; // own lines, for Up and Down
const tab = { words: [], place: 0, start: 0, text: "" }; // what Tab completed last

function hint(text) {
	$("hint").textContent = text;
}

function complete(input) {
	const text = input.value;
	if (tab.text === text) {
		if (++tab.place >= tab.words.length) return false; // so Tab also leaves the message
	} else {
		const front = text.slice(0, input.selectionStart), start = front.search(/\S*$/), word = front.slice(start).toLowerCase();
		if (!word) return false;
		const { model, view } = app, isRoom = /^\/(join|part|leave)\s/i.test(front);
		const names = [...(view.current?.people ?? []), ...model.of("private").map((c) => c.name)];
		const words = word.startsWith("/") && start === 0 ? commands.map(([name]) => `/${name}`)
			: isRoom ? [...model.rooms.map(({ room }) => room), ...model.of("room").map((c) => c.name)]
			: names.filter((name) => name !== model.name);
		const matches = [...new Set(words)].filter((w) => w.toLowerCase().startsWith(word)).sort();
		if (matches.length === 0) return false;
		const isAddress = start === 0 && !word.startsWith("/");
		Object.assign(tab, { place: 0, start, rest: text.slice(input.selectionStart) });
		tab.words = matches.map((w) => `${w}${isAddress ? ": " : " "}`);
		tab.front = text.slice(0, start);
	}
	hint(tab.words.length > 1 ? tab.words.map((w) => w.trim().replace(/:$/, "")).join("  ") : "");
	const end = tab.front.length + tab.words[tab.place].length;
	input.value = tab.text = `${tab.front}${tab.words[tab.place]}${tab.rest}`;
	input.setSelectionRange(end, end);
	return true;
}

/* Brings back an own line. Returns false if the message was changed meanwhile. */
function recall(input, step) {
	const shown = own.lines[own.place] ?? "", place = own.place + step;
	if (input.value !== shown || place < 0 || place > own.lines.length) return false;
	own.place = place;
	input.value = own.lines[place] ?? "";
	return true;
}

function send() {
	const input = $("input"), text = input.value;
	hint("");
	if (!text.trim() || !obey(text)) return;
	if (own.lines.at(-1) !== text) own.lines.push(text);
	own.place = own.lines.length;
	input.value = "";
	app.view.toNewest();
}

function moveTo(step, isUnread) {
	const all = [...app.model.of("room"), ...app.model.of("private")], at = all.indexOf(app.view.current);
	for (let n = 1; n <= all.length; n++) {
		const c = all[(at + n * step + all.length * n) % all.length];
		if (!isUnread || c.unread > 0) return app.show(c);
	}
}

function keyInMessage(e) {
	const input = e.target, log = $("log"), isPlain = !e.shiftKey && !e.altKey && !e.ctrlKey && !e.metaKey;
	const keys = {
		Enter: () => (send(), true),
		Tab: () => complete(input),
		ArrowUp: () => recall(input, -1),
		ArrowDown: () => recall(input, 1),
		PageUp: () => (log.scrollBy(0, -log.clientHeight), true),
		PageDown: () => (log.scrollBy(0, log.clientHeight), true),
	};
	if (isPlain && !e.isComposing && Object.hasOwn(keys, e.key) && keys[e.key]()) e.preventDefault();
}

document.addEventListener("keydown", (e) => {
	if (e.altKey && !e.ctrlKey && !e.metaKey && (e.key === "ArrowUp" || e.key === "ArrowDown")) {
		e.preventDefault();
		moveTo(e.key === "ArrowUp" ? -1 : 1, e.shiftKey);
	} else if (e.key === "Escape" && !$("hello").open) {
		app.view.drawer(null);
		app.view.toNewest();
		$("input").focus();
	}
});
document.addEventListener("visibilitychange", () => app.read());

/* ---- the start ---- */

$("input").onkeydown = keyInMessage;
$("say").onsubmit = (e) => {
	e.preventDefault();
	send();
	$("input").focus();
};
$("enter").onsubmit = (e) => {
	e.preventDefault();
	const name = $("room").value.trim().replace(/^#/, "");
	$("room").value = "";
	if (name) app.enter(name);
};
$("try").onclick = () => app.connection.open();
$("leave").onclick = () => app.leave(app.view.current);
$("help").onclick = () => {
	app.view.drawer(null);
	app.note(helpOn(""));
};
$("earlier").onclick = () => app.ask({ do: "history", room: roomHere(), lines: 100 }, (a) => {
	if (a.code !== "history") app.note(a.sentence);
});
$("show-rooms").onclick = () => {
	app.view.drawer("rooms-side");
	app.askRooms();
};
$("show-people").onclick = () => app.view.drawer("people-side");
$("hide-rooms").onclick = $("hide-people").onclick = () => app.view.drawer(null);
$("notify").hidden = !globalThis.Notification || !isSecureContext;
$("notify").onclick = async () => {
	const isAllowed = (await Notification.requestPermission()) === "granted";
	memory.set("notify", isAllowed);
	hint(isAllowed ? "You are notified of private messages and of your name while this page is hidden."
		: "The browser does not allow notifications.");
};

function hello(name) {
	memory.set("name", name);
	app.wanted = name;
	$("hello").close();
	app.connection.open();
	$("input").focus();
}
$("name-form").onsubmit = (e) => {
	e.preventDefault();
	hello($("name").value.trim());
};
$("skip-name").onclick = () => hello("");
$("hello").oncancel = (e) => {
	e.preventDefault();
	hello("");
};

app.begin();
