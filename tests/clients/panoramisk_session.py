#!/usr/bin/env python3
"""An application that speaks AMI by way of panoramisk.

    panoramisk_session.py HOST PORT USER SECRET NAME [--rounds N] [--keep-going SECONDS]
    panoramisk_session.py HOST PORT USER SECRET NAME --wrong-secret
    panoramisk_session.py HOST PORT USER SECRET NAME --through-restart
    panoramisk_session.py ... --tls CAFILE

Prints one JSON line per step. What differs from run to run (times, channel
numbers, NAME) is replaced, so that two runs on one Asterisk print the same
text, whatever else goes on there. Exit status 0: every step had its answer in
time, and every round was like the first.

--through-restart keeps one connection busy, prints {"state": "ok"} or
{"state": "error", ...} whenever the answers change, stops at a line on
standard input, and prints a report.
"""
import argparse
import asyncio
import json
import logging
import re
import ssl
import sys
import time

from panoramisk import Manager

DEADLINE = 60.0
CHANNEL_NUMBER = re.compile(r"-[0-9a-f]{8}(?=;[12])")
VARYING = {"timestamp", "duration", "bridgeid", "logintime"}


def tls_context(args):
    """For a server called localhost, whatever the address it is reached at."""
    if args.tls is None:
        return False
    context = ssl.create_default_context(cafile=args.tls)
    context.check_hostname = False
    return context


class Session:
    def __init__(self, args):
        self.args = args
        self.events = []
        self.arrived = asyncio.Event()
        self.connects = 0
        self.disconnects = 0
        self.lost = asyncio.Event()
        # A Shutdown event makes this library drop its connection by itself, so a
        # session that is to outlive Asterisk does not ask for class system.
        mask = "call,user" if args.through_restart else "on"
        self.manager = Manager(
            host=args.host, port=args.port, username=args.user, secret=args.secret, events=mask,
            ssl=tls_context(args), ping_delay=3600, on_connect=self.on_connect, on_disconnect=self.on_disconnect,
        )
        self.manager.loop = asyncio.get_running_loop()
        self.manager.register_event("*", self.on_event)

    def on_connect(self, _manager):
        self.connects += 1

    def on_disconnect(self, _manager, _reason):
        self.disconnects += 1
        self.lost.set()

    def on_event(self, _manager, event):
        if self.args.name in event.uniqueid or self.args.name in event.userevent:
            self.events.append(event)
            self.arrived.set()

    async def login(self):
        await asyncio.wait_for(self.manager.connect(), DEADLINE)
        while self.manager.authenticated_future is None:
            await asyncio.sleep(0)
        return await asyncio.wait_for(self.manager.authenticated_future, DEADLINE)

    async def ask(self, **headers):
        """One action; the answer, or the answer and what belongs to it."""
        return await asyncio.wait_for(self.manager.send_action(headers), DEADLINE)

    async def event(self, matches):
        """The first event about this session's own things for which `matches` holds."""
        async def look():
            while True:
                for event in self.events:
                    if matches(event):
                        return event
                self.arrived.clear()
                await self.arrived.wait()
        return await asyncio.wait_for(look(), DEADLINE)


def plain(message, tag):
    """A message as JSON without what differs from run to run."""
    def tidy(key, value):
        if isinstance(value, list):
            return [tidy(key, each) for each in value]
        if key.lower() in VARYING and value:
            return "<varies>"
        return CHANNEL_NUMBER.sub("-<n>", str(value)).replace(tag, "<name>")
    return {CHANNEL_NUMBER.sub("-<n>", key): tidy(key, value) for key, value in message.items()
            if key.lower() not in ("actionid", "commandid", "content")}


class Scenario:
    """One round of what an application does; `steps` is what it saw."""

    def __init__(self, session, tag, show_steps):
        self.session = session
        self.show_steps = show_steps
        self.tag = tag
        self.steps = []
        self.number = 0

    def note(self, step, **seen):
        self.steps.append({"step": step, **seen})
        if self.show_steps:
            show(self.steps[-1])

    async def step(self, step, keep=lambda item: True, **headers):
        self.number += 1
        # The same ActionIDs as every other copy of this program, but where they are
        # broadcast: there Asterisk itself would let one copy take another's for its own.
        broadcast = headers["Action"] in ("Originate", "UserEvent")
        action_id = f"{self.tag if broadcast else ''}/{step} #{self.number}"
        answer = await self.session.ask(ActionID=action_id, **headers)
        messages = answer if isinstance(answer, list) else [answer]
        for message in messages:
            if message.actionid != action_id:
                raise AssertionError(f"{step}: sent ActionID {action_id!r}, got {message.actionid!r}")
        items = [message for message in messages if keep(message)]
        seen = [plain(message, self.tag) for message in items]
        for message in seen:
            if message.get("Event") == "CoreShowChannel":
                # How far the call has come is another thread's business.
                message.update(Application="<varies>", ApplicationData="<varies>")
        self.note(step, messages=seen)
        return messages

    async def run(self):
        tag = self.tag
        await self.step("ping", Action="Ping")
        await self.step("queue list", Action="QueueStatus", Queue="support")
        await self.step("command", Action="Command", Command="core show version")
        await self.step("command with many lines", Action="Command", Command="dialplan show agents")
        await self.step("command that fails", Action="Command", Command="no such command")
        await self.step("getvar", Action="Getvar", Variable="GREETING")
        await self.step("setvar", Action="Setvar", Variable=f"VAR_{tag}", Value="a value: with colon ")
        await self.step("getvar own", Action="Getvar", Variable=f"VAR_{tag}")
        await self.step("dbput", Action="DBPut", Family=tag, Key="key", Val="stored value")
        await self.step("dbget", Action="DBGet", Family=tag, Key="key")
        await self.step("dbdel", Action="DBDel", Family=tag, Key="key")
        await self.step("dbget nothing", Action="DBGet", Family=tag, Key="key")
        await self.user_event()
        await self.call_in_list()
        await self.call_in_events()
        await self.step("originate sync", Action="Originate", Channel="Local/100@ami-test", Application="Wait",
                        Data="1", Timeout="30000", Async="false")
        await self.step("originate busy", Action="Originate", Channel="Local/103@ami-test", Application="Wait",
                        Data="1", Timeout="30000", Async="false")
        await self.step("unknown action", Action="NoSuchAction")
        return self.steps

    async def user_event(self):
        await self.step("userevent", Action="UserEvent", UserEvent=f"Mine-{self.tag}", Header="some: value", Many=["a", "b"])
        event = await self.session.event(lambda e: e.event == "UserEvent" and e.userevent == f"Mine-{self.tag}")
        if not event.actionid.startswith(f"{self.tag}/userevent"):
            raise AssertionError(f"userevent came with ActionID {event.actionid!r}")
        self.note("userevent seen", messages=[plain(event, self.tag)])

    async def call_in_list(self):
        """A call that stays: found in the list of channels, then ended."""
        one, two = f"{self.tag}-stay-1", f"{self.tag}-stay-2"
        await self.step("originate async", Action="Originate", Channel="Local/102@ami-test", Application="Wait", Data="600",
                        Timeout="30000", ChannelId=one, OtherChannelId=two, Async="true")
        def mine(item):
            return "uniqueid" not in item or item.uniqueid == one
        def listed(item):
            return mine(item) and "listitems" not in item
        messages = await self.step("channel list", keep=listed, Action="CoreShowChannels")
        if int(messages[-1].listitems) != len(messages) - 2:
            raise AssertionError("channel list: ListItems does not count the items")
        channel = next(m.channel for m in messages if m.uniqueid == one)
        await self.step("getvar of channel", Action="Getvar", Channel=channel, Variable="CHANNEL(name)")
        await self.step("hangup", Action="Hangup", Channel=channel, Cause="16")
        await self.session.event(lambda e: e.event == "Hangup" and e.uniqueid == one)

    async def call_in_events(self):
        """A short call: the events of its two channels, each in order."""
        one, two = f"{self.tag}-call-1", f"{self.tag}-call-2"
        # The extension hangs up after a second: the application must not come first.
        await self.step("originate short", Action="Originate", Channel="Local/100@ami-test", Application="Wait", Data="30",
                        Timeout="30000", ChannelId=one, OtherChannelId=two, Variable=["V1=one", "V2=two words"], Async="true")
        for number, which in enumerate((one, two), 1):
            await self.session.event(lambda e: e.event == "Hangup" and e.uniqueid == which)
            names = [e.event for e in self.session.events if e.uniqueid == which and e.event not in ("CEL", "Cdr")]
            self.note(f"events of half {number}", names=names)


def show(step):
    print(json.dumps(step, sort_keys=True), flush=True)


async def scenario(args):
    session = Session(args)
    show({"step": "login", "messages": [plain(await session.login(), args.name)]})
    first = None
    rounds = 0
    until = time.monotonic() + args.keep_going
    while rounds < args.rounds or time.monotonic() < until:
        rounds += 1
        session.events.clear()
        steps = await Scenario(session, f"{args.name}x{rounds}x", rounds == 1).run()
        if first is None:
            first = steps
        elif steps != first:
            raise AssertionError(f"round {rounds} differs: {[s for s in steps if s not in first]}")
    if (session.connects, session.disconnects) != (1, 0):
        raise AssertionError(f"{session.connects} connections, {session.disconnects} losses")
    goodbye = await session.ask(Action="Logoff")
    show({"step": "logoff", "messages": [plain(goodbye, args.name)]})


async def wrong_secret(args):
    session = Session(args)
    begin = time.monotonic()
    answer = await session.login()
    waited = time.monotonic() - begin >= 0.9
    await asyncio.wait_for(session.lost.wait(), DEADLINE)
    show({"step": "login", "messages": [plain(answer, args.name)], "after a second": waited, "closed": True})


async def through_restart(args):
    session = Session(args)
    if not (await session.login()).success:
        raise AssertionError("login refused")
    stdin = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(stdin), sys.stdin)
    stop = asyncio.ensure_future(stdin.readline())
    report = {"ok": 0, "errors": 0, "messages": [], "wrong_id": 0, "ok_at_end": 0}
    own_event = lambda event: event.event == "UserEvent" and event.userevent == f"Alive-{args.name}"
    state = None
    number = 0
    since = 0  # the first event after the last error
    while not stop.done():
        number += 1
        for headers in ({"Action": "Ping"}, {"Action": "Getvar", "Variable": "GREETING"},
                        {"Action": "UserEvent", "UserEvent": f"Alive-{args.name}", "Number": number}):
            action_id = f"{args.name} {headers['Action']} {number}"
            answer = await session.ask(ActionID=action_id, **headers)
            report["wrong_id"] += answer.actionid != action_id
            if answer.success:
                report["ok"] += 1
                report["ok_at_end"] += 1
            else:
                report["errors"] += 1
                report["ok_at_end"] = 0
                since = len(session.events)
                if answer.message not in report["messages"]:
                    report["messages"].append(answer.message)
                if state != "error":
                    state = "error"
                    show({"state": state, "message": answer.message})
        report["events_at_end"] = sum(map(own_event, session.events[since:]))
        if state != "ok" and report["ok_at_end"] >= 3 and report["events_at_end"]:
            state = "ok"
            show({"state": state})
        await asyncio.wait([stop], timeout=0.05)
    report["reconnects"] = session.connects - 1
    report["losses"] = session.disconnects
    show(report)


def main():
    parser = argparse.ArgumentParser()
    for name in ("host", "port", "user", "secret", "name"):
        parser.add_argument(name)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--keep-going", type=float, default=0.0, metavar="SECONDS")
    parser.add_argument("--tls", metavar="CAFILE")
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--wrong-secret", action="store_true")
    mode.add_argument("--through-restart", action="store_true")
    args = parser.parse_args()
    args.port = int(args.port)
    logging.basicConfig(level=logging.CRITICAL)
    run = wrong_secret if args.wrong_secret else through_restart if args.through_restart else scenario
    asyncio.run(run(args))


if __name__ == "__main__":
    main()
