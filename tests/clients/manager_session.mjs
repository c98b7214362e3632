#!/usr/bin/env node
// An application that speaks AMI by way of the library asterisk-manager.
//
//   manager_session.mjs HOST PORT USER SECRET NAME [--rounds N] [--keep-going SECONDS]
//   manager_session.mjs HOST PORT USER SECRET NAME --wrong-secret
//   manager_session.mjs HOST PORT USER SECRET NAME --through-restart
//
// The scenario, the output and the modes are those of panoramisk_session.py,
// in the ways of this library: callbacks by ActionID, lists collected from
// events, and mostly ActionIDs of the library's own making, the time in
// milliseconds, which equal those of other clients.
//
// The library is looked for in AMIMUX_NODE_MODULES, a node_modules folder.

import { createRequire } from 'node:module';
import path from 'node:path';
import process from 'node:process';
import readline from 'node:readline';
import { parseArgs } from 'node:util';

const modules = process.env.AMIMUX_NODE_MODULES;
if (!modules) throw new Error('AMIMUX_NODE_MODULES is not set');
const AsteriskManager = createRequire(path.join(path.resolve(modules), 'x.js'))('asterisk-manager');

const DEADLINE = 60_000;
const CHANNEL_NUMBER = /-[0-9a-f]{8}(?=;[12])/g;
const VARYING = new Set(['timestamp', 'duration', 'bridgeid', 'logintime']);

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '1' },
    'keep-going': { type: 'string', default: '0' },
    'wrong-secret': { type: 'boolean', default: false },
    'through-restart': { type: 'boolean', default: false },
  },
});
if (positionals.length !== 5) throw new Error('HOST PORT USER SECRET NAME');
const [host, port, user, secret, name] = positionals;

const show = (step) => process.stdout.write(`${JSON.stringify(step)}\n`);
const within = (promise, what) => {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: nothing in time`)), DEADLINE);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
};

/** A message as JSON without what differs from run to run. */
function plain(message, tag) {
  const tidy = (key, value) => {
    if (Array.isArray(value)) return value.map((each) => tidy(key, each));
    if (value && typeof value === 'object') {
      return Object.fromEntries(Object.entries(value).map(([k, v]) => [tidy('', k), tidy(k, v)]));
    }
    if (VARYING.has(key) && value) return '<varies>';
    return String(value).replaceAll(CHANNEL_NUMBER, '-<n>').replaceAll(tag, '<name>');
  };
  const seen = Object.entries(message).filter(([key]) => key !== 'actionid');
  return Object.fromEntries(seen.map(([key, value]) => [key.replaceAll(CHANNEL_NUMBER, '-<n>'), tidy(key, value)]).sort());
}

class Session {
  constructor() {
    this.connects = 0;
    this.losses = 0;
    this.events = [];
    this.waiting = [];
    // Without a port the library does not connect by itself; login() uses `options`.
    this.manager = new AsteriskManager(null, host, user, secret, true);
    this.manager.options.port = port;
    this.manager.setMaxListeners(0);
    this.manager.on('connect', () => { this.connects += 1; });
    this.manager.on('close', () => { this.losses += 1; this.arrived(); });
    this.manager.on('managerevent', (event) => this.arrived(event));
  }

  arrived(event) {
    if (event) this.events.push(event);
    this.waiting = this.waiting.filter((look) => !look());
  }

  forget() { this.events = []; }

  /** The first result of `look` that is not undefined, tried at each event. */
  until(look, what) {
    const found = new Promise((resolve) => {
      const attempt = () => {
        const result = look();
        if (result !== undefined) resolve(result);
        return result !== undefined;
      };
      if (!attempt()) this.waiting.push(attempt);
    });
    return within(found, what);
  }

  login() {
    this.manager.on('error', (error) => { throw error; });
    const answer = new Promise((resolve) => { this.manager.once('response', resolve); });
    this.manager.connect(port, host, () => this.manager.login(() => {}));
    return within(answer, 'login');
  }

  /** One action: its answer, with the ActionID checked by the library itself. */
  ask(action) {
    let id;
    const answer = new Promise((resolve) => { id = this.manager.action(action, (error, response) => resolve(response ?? error)); });
    return within(answer, action.action).then((message) => {
      if (message.actionid !== id) throw new Error(`${action.action}: sent ActionID ${id}, got ${message.actionid}`);
      return { id, message };
    });
  }
}

/** One round; `steps` is what the application saw. */
class Round {
  constructor(session, tag, showSteps) {
    this.session = session;
    this.showSteps = showSteps;
    this.tag = tag;
    this.steps = [];
  }

  note(step, seen) {
    this.steps.push({ step, ...seen });
    if (this.showSteps) show(this.steps.at(-1));
  }

  async step(step, action) {
    const { id, message } = await this.session.ask(action);
    this.note(step, { messages: [plain(message, this.tag)] });
    return { id, message };
  }

  /** An action whose answer is a list: the answer, its items, its end. */
  async list(step, action, keep = () => true) {
    const { id, message } = await this.session.ask(action);
    // Items have no Privilege; a broadcast of another client with this ActionID has.
    const ours = () => this.session.events.filter((event) => event.actionid === id && !event.privilege);
    await this.session.until(() => ours().find((event) => event.eventlist?.toLowerCase() === 'complete'), step);
    const items = ours();
    const kept = items.filter(keep).map((item) => plain(item, this.tag));
    // How far a call has come is another thread's business.
    kept.filter((item) => item.event === 'CoreShowChannel').forEach((item) => Object.assign(item, { application: '<varies>', applicationdata: '<varies>' }));
    this.note(step, { messages: [plain(message, this.tag), ...kept] });
    return items;
  }

  event(which, matches) { return this.session.until(() => this.session.events.find(matches), which); }

  async run() {
    const { tag } = this;
    const originate = { action: 'Originate', application: 'Wait', timeout: '30000' };
    await this.step('ping', { action: 'Ping' });
    await this.list('queue list', { action: 'QueueStatus', queue: 'support' });
    await this.step('command', { action: 'Command', command: 'core show version' });
    await this.step('command with many lines', { action: 'Command', command: 'dialplan show agents' });
    await this.step('command that fails', { action: 'Command', command: 'no such command' });
    await this.step('getvar', { action: 'Getvar', variable: 'GREETING' });
    await this.step('setvar', { action: 'Setvar', variable: `VAR_${tag}`, value: 'a value: with colon ' });
    await this.step('getvar own', { action: 'Getvar', variable: `VAR_${tag}` });
    await this.step('dbput', { action: 'DBPut', family: tag, key: 'key', val: 'stored value' });
    await this.list('dbget', { action: 'DBGet', family: tag, key: 'key' });
    await this.step('dbdel', { action: 'DBDel', family: tag, key: 'key' });
    await this.step('dbget nothing', { action: 'DBGet', family: tag, key: 'key' });
    await this.userEvent();
    await this.callInList();
    await this.callInEvents();
    await this.step('originate sync', { ...originate, channel: 'Local/100@ami-test', data: '1' });
    await this.step('originate busy', { ...originate, channel: 'Local/103@ami-test', data: '1' });
    await this.step('unknown action', { action: 'NoSuchAction', actionid: `${tag} /unknown#1` });
    return this.steps;
  }

  async userEvent() {
    const { tag } = this;
    const { id } = await this.step('userevent', { action: 'UserEvent', userevent: `Mine-${tag}`, header: 'some: value', last: 'x ' });
    const event = await this.event('userevent', (e) => e.event === 'UserEvent' && e.userevent === `Mine-${tag}`);
    if (event.actionid !== id) throw new Error(`userevent came with ActionID ${event.actionid}, sent ${id}`);
    this.note('userevent seen', { messages: [plain(event, tag)] });
  }

  /** An asynchronous Originate and the OriginateResponse that ends it. */
  async call(step, tag, headers) {
    const action = { action: 'Originate', application: 'Wait', timeout: '30000', async: 'true', ...headers };
    const { id } = await this.step(step, { ...action, channelid: `${tag}-1`, otherchannelid: `${tag}-2` });
    // Equal ActionIDs of other clients of this user are a part of life: the unique id tells them apart.
    const end = await this.event(step, (e) => e.event === 'OriginateResponse' && e.uniqueid === `${tag}-1`);
    if (end.actionid !== id) throw new Error(`${step}: OriginateResponse with ActionID ${end.actionid}, sent ${id}`);
    this.note(`${step} ended`, { messages: [plain(end, this.tag)] });
  }

  /** A call that stays: found in the list of channels, then ended. */
  async callInList() {
    const own = `${this.tag}-stay`;
    await this.call('originate async', own, { channel: 'Local/102@ami-test', data: '600' });
    const mine = (item) => item.uniqueid === `${own}-1`;
    const items = await this.list('channel list', { action: 'CoreShowChannels' }, mine);
    if (Number(items.at(-1).listitems) !== items.length - 1) throw new Error('channel list: ListItems does not count the items');
    const { channel } = items.find((item) => item.uniqueid === `${own}-1`);
    await this.step('getvar of channel', { action: 'Getvar', channel, variable: 'CHANNEL(name)' });
    await this.step('hangup', { action: 'Hangup', channel, cause: '16' });
    await this.event('hangup', (e) => e.event === 'Hangup' && e.uniqueid === `${own}-1`);
  }

  /** A short call: the events of its two channels, each in order. */
  async callInEvents() {
    const own = `${this.tag}-call`;
    const variable = { V1: 'one', V2: 'two words' };
    // The extension hangs up after a second: the application must not come first.
    await this.call('originate short', own, { channel: 'Local/100@ami-test', data: '30', variable });
    // Other threads of Asterisk write these, at any time.
    const elsewhere = ['CEL', 'Cdr', 'OriginateResponse'];
    for (const half of [1, 2]) {
      const id = `${own}-${half}`;
      await this.event('end of the call', (e) => e.event === 'Hangup' && e.uniqueid === id);
      const names = this.session.events.filter((e) => e.uniqueid === id && !elsewhere.includes(e.event)).map((e) => e.event);
      this.note(`events of half ${half}`, { names });
    }
  }
}

async function scenario() {
  const session = new Session();
  const login = await session.login();
  show({ step: 'login', messages: [plain(login, name)] });
  const until = Date.now() + Number(options['keep-going']) * 1000;
  let first;
  for (let number = 1; number <= Number(options.rounds) || Date.now() < until; number += 1) {
    session.forget();
    const steps = await new Round(session, `${name}x${number}x`, number === 1).run();
    if (!first) {
      first = steps;
    } else if (JSON.stringify(steps) !== JSON.stringify(first)) {
      throw new Error(`round ${number} differs: ${JSON.stringify(steps.filter((s, i) => JSON.stringify(s) !== JSON.stringify(first[i])))}`);
    }
  }
  if (session.connects !== 1 || session.losses !== 0) throw new Error(`${session.connects} connections, ${session.losses} losses`);
  const { message } = await session.ask({ action: 'Logoff' });
  await session.until(() => (session.losses > 0 ? true : undefined), 'close');
  show({ step: 'logoff', messages: [plain(message, name)] });
}

async function wrongSecret() {
  const session = new Session();
  const begin = Date.now();
  const answer = await session.login();
  const waited = Date.now() - begin >= 900;
  await session.until(() => (session.losses > 0 ? true : undefined), 'close');
  show({ step: 'login', messages: [plain(answer, name)], 'after a second': waited, closed: true });
}

async function throughRestart() {
  const session = new Session();
  if ((await session.login()).response !== 'Success') throw new Error('login refused');
  let stopped = false;
  let wake = () => {};
  readline.createInterface({ input: process.stdin }).once('line', () => { stopped = true; wake(); });
  const report = { ok: 0, errors: 0, messages: [], wrong_id: 0, ok_at_end: 0, events_at_end: 0 };
  session.manager.on('userevent', (event) => { report.events_at_end += event.userevent === `Alive-${name}` ? 1 : 0; });
  let state;
  for (let number = 1; !stopped; number += 1) {
    const actions = [{ action: 'Ping' }, { action: 'Getvar', variable: 'GREETING' }, { action: 'UserEvent', userevent: `Alive-${name}`, number }];
    for (const action of actions) {
      const { message } = await session.ask(action);
      if (message.response === 'Success') {
        report.ok += 1;
        report.ok_at_end += 1;
        continue;
      }
      report.errors += 1;
      report.ok_at_end = 0;
      report.events_at_end = 0;
      if (!report.messages.includes(message.message)) report.messages.push(message.message);
      if (state !== 'error') {
        state = 'error';
        show({ state, message: message.message });
      }
    }
    if (state !== 'ok' && report.ok_at_end >= 3 && report.events_at_end > 0) {
      state = 'ok';
      show({ state });
    }
    session.forget();
    await new Promise((resolve) => { wake = resolve; setTimeout(resolve, 50); });
  }
  report.reconnects = session.connects - 1;
  report.losses = session.losses;
  show(report);
}

try {
  await (options['wrong-secret'] ? wrongSecret : options['through-restart'] ? throughRestart : scenario)();
  process.exit(0);
} catch (error) {
  process.stderr.write(`${error.stack}\n`);
  process.exit(1);
}
