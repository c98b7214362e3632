#!/usr/bin/env bash
# Runs, in the foreground, the Asterisk that install.sh put into DEST, with a
# small configuration of its own. Everything listens on 127.0.0.1 only.
#
#   scripts/asterisk/run.sh DEST AMI_PORT [RUN_DIR]    (default: DEST/run-AMI_PORT; wiped)
#
#   AMI_PORT       AMI
#   AMI_PORT + 1   HTTP: AJAM at /rawman, /manager, /mxml and their digest forms
#   AMI_PORT + 2   AMI over TLS (certificate: RUN_DIR/etc/cert.pem), where openssl is installed; or with the certificate
#                  and key in the file that the environment variable TLS_CERTIFICATE names
#
# The manager users are those of users.conf, `upstream` (for amimux) and
# `second` (the same rights, for whoever drives Asterisk past amimux); and those
# of the file that the environment variable MORE_USERS names, if there is one.
#
# It is ready when a client that has logged in sees "Event: FullyBooted".
# Command line:  DEST/bin/asterisk -C RUN_DIR/etc/asterisk.conf -rx 'core show channels'
# To stop it:    SIGTERM to this script's process, which becomes Asterisk.
set -euo pipefail

die() { printf 'run-asterisk: %s\n' "$*" >&2; exit 1; }

[ $# -eq 2 ] || [ $# -eq 3 ] || { echo "usage: $0 DEST AMI_PORT [RUN_DIR]" >&2; exit 2; }
here=$(cd -- "$(dirname -- "$0")" && pwd)
AST_HOME=$(cd -- "$1" && pwd)
port=$2
run=${3:-$AST_HOME/run-$port}
if ! [[ $port =~ ^[0-9]{4,5}$ ]] || [ "$port" -lt 1024 ] || [ "$port" -gt 65533 ]; then
  die "AMI_PORT: a number from 1024 to 65533"
fi
[ -s "$AST_HOME/env.sh" ] || die "no Asterisk in $AST_HOME; run scripts/asterisk/install.sh"
# shellcheck source=/dev/null
. "$AST_HOME/env.sh"

# A folder that is not ours is not wiped.
if [ -e "$run" ] && [ ! -e "$run/.asterisk-run" ] && [ -n "$(ls -A "$run" 2>/dev/null)" ]; then
  die "$run is neither empty nor a run folder of this script"
fi
rm -rf -- "$run"
mkdir -p "$run"/{etc,lib,db,keys/keys,spool,run,log,agi,cache,moh}
: >"$run/.asterisk-run"
run=$(cd -- "$run" && pwd)
[ ${#run} -lt 90 ] || die "RUN_DIR is too long for the control socket in it: $run"
etc=$run/etc

# conf NAME: writes standard input to etc/NAME.conf.
conf() { cat >"$etc/$1.conf"; }

conf asterisk <<CONF
[directories]
astetcdir => $etc
astmoddir => $AST_MODULES
astvarlibdir => $run/lib
astdbdir => $run/db
astkeydir => $run/keys
astdatadir => $AST_DATA
astagidir => $run/agi
astspooldir => $run/spool
astrundir => $run/run
astlogdir => $run/log
astcachedir => $run/cache
[options]
nocolor = yes
verbose = 0
debug = 0
documentation_language = en_US
maxcalls = 20000
maxload = 0
live_dangerously = no
CONF

# Everything is loaded but what speaks to networks, databases or hardware.
{
  printf '[modules]\nautoload = yes\n'
  for pattern in \
    chan_iax2 chan_unistim chan_console chan_motif chan_mobile chan_ooh323 chan_dahdi chan_mgcp chan_skinny chan_sip chan_alsa chan_oss \
    chan_phone chan_websocket '*pjsip*' pbx_dundi pbx_lua pbx_ael pbx_realtime app_jack app_festival app_sms app_adsiprog \
    app_voicemail_odbc app_voicemail_imap app_minivm app_alarmreceiver app_getcpeid app_amd 'res_config_*' 'res_odbc*' func_odbc 'res_calendar*' \
    'res_hep*' 'res_geolocation*' res_stir_shaken 'res_aeap*' res_speech_aeap res_snmp res_xmpp res_prometheus res_phoneprov res_stun_monitor \
    res_statsd res_resolver_unbound res_smdi res_adsi res_fax_spandsp res_http_media_cache res_cdrel_custom codec_amr codec_codec2 \
    cdr_adaptive_odbc cdr_csv cdr_custom cdr_odbc cdr_pgsql cdr_radius cdr_sqlite3_custom cdr_tds cdr_syslog cdr_mysql cdr_beanstalkd \
    cel_custom cel_odbc cel_pgsql cel_radius cel_sqlite3_custom cel_tds cel_beanstalkd; do
    # shellcheck disable=SC2086 # the pattern is meant to be expanded
    for module in "$AST_MODULES"/$pattern.so; do
      [ ! -e "$module" ] || printf 'noload = %s\n' "${module##*/}"
    done
  done
} | conf modules

conf logger <<'CONF'
[general]
[logfiles]
messages => notice,warning,error
security => security
CONF

{
  cat <<CONF
[general]
enabled = yes
webenabled = yes
bindaddr = 127.0.0.1
port = $port
displayconnects = yes
allowmultiplelogin = yes
authtimeout = 30
authlimit = 500
httptimeout = 60
channelvars = CAMPAIGN,LEADID
CONF
  if [ -n "${TLS_CERTIFICATE-}" ]; then
    printf 'tlsenable = yes\ntlsbindaddr = 127.0.0.1:%s\ntlscertfile = %s\n' $((port + 2)) "$TLS_CERTIFICATE"
  elif command -v openssl >/dev/null &&
    openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj /CN=localhost -addext 'subjectAltName=DNS:localhost,IP:127.0.0.1' \
      -keyout "$etc/key.pem" -out "$etc/cert.pem" >/dev/null 2>&1; then
    printf 'tlsenable = yes\ntlsbindaddr = 127.0.0.1:%s\ntlscertfile = %s\ntlsprivatekey = %s\n' $((port + 2)) "$etc/cert.pem" "$etc/key.pem"
  fi
  for user in upstream second; do
    printf '\n[%s]\nsecret = %s-secret\nread = all\nwrite = all\nwritetimeout = 10000\n' $user $user
  done
  printf '\n'
  cat "$here/users.conf"
  if [ -n "${MORE_USERS-}" ]; then cat -- "$MORE_USERS"; fi
} | conf manager

conf http <<CONF
[general]
enabled = yes
bindaddr = 127.0.0.1
bindport = $((port + 1))
sessionlimit = 500
session_inactivity = 30000
session_keep_alive = 15000
redirect = /moved /rawman
redirect = /far http://example.invalid/there?x=y
[/denied]
type = restriction
deny = 0.0.0.0/0.0.0.0
[/denied/but]
type = restriction
permit = 127.0.0.1
[/half]
type = restriction
deny = 127.0.0.2
CONF

conf extensions <<'CONF'
[general]
static = yes
writeprotect = no
clearglobalvars = no

[globals]
GREETING = hello world
EMPTY =

[default]
exten => s,1,Hangup()

[ami-test]
; answers, waits a second, hangs up
exten => 100,1,Answer()
 same => n,Wait(1)
 same => n,Hangup(16)
; variables, events, DTMF, CDR
exten => 101,1,Answer()
 same => n,Set(CAMPAIGN=spring)
 same => n,Set(LEADID=${RAND(1,100000)})
 same => n,UserEvent(TestStart,Foo: bar,Note: a value\, with a comma,Colon: a: b: c)
 same => n,SendDTMF(12#)
 same => n,Wait(0.2)
 same => n,Set(CDR(userfield)=tested)
 same => n,UserEvent(TestEnd,Uniq: ${UNIQUEID})
 same => n,Hangup(16)
; answers and stays
exten => 102,1,Answer()
 same => n,Wait(3600)
; busy, congestion, never answered
exten => 103,1,Busy(1)
exten => 104,1,Congestion(1)
exten => 105,1,Ringing()
 same => n,Wait(30)
; queue, conference, parking, dialling on
exten => 106,1,Answer()
 same => n,Queue(support,,,,10)
 same => n,Hangup()
exten => 107,1,Answer()
 same => n,ConfBridge(room1)
exten => 109,1,Answer()
 same => n,Park()
exten => 110,1,Dial(Local/101@ami-test,10)
 same => n,Hangup()
; long and odd values
exten => 112,1,Answer()
 same => n,Set(LONG=0123456789)
 same => n,Set(i=0)
 same => n,While($[${i} < 7])
 same => n,Set(LONG=${LONG}${LONG})
 same => n,Set(i=$[${i} + 1])
 same => n,EndWhile()
 same => n,UserEvent(TestLong,Long: ${LONG},Utf8: żółć ✓,Tab: a	b)
 same => n,Set(CALLERID(name)=Zoë "Q" O'Brien <x>)
 same => n,Wait(1)
 same => n,Hangup()
; shows what Originate set
exten => 114,1,Answer()
 same => n,UserEvent(TestVars,Campaign: ${CAMPAIGN},Leadid: ${LEADID},V1: ${V1},V2: ${V2})
 same => n,Wait(0.5)
 same => n,Hangup()
; shows what the user's setvar lines set, in a form that no comma or quote disturbs
exten => 117,1,Answer()
 same => n,UserEvent(TestSetvar,1: ${BASE64_ENCODE(${V1})},2: ${BASE64_ENCODE(${V2})},3: ${BASE64_ENCODE(${V3})},4: ${BASE64_ENCODE(${V4})},5: ${BASE64_ENCODE(${V5})},6: ${BASE64_ENCODE(${V6})},7: ${BASE64_ENCODE(${V7})},8: ${BASE64_ENCODE(${V8})},9: ${BASE64_ENCODE(${V9})},A: ${BASE64_ENCODE(${VA})},B: ${BASE64_ENCODE(${VB})},C: ${BASE64_ENCODE(${VC})})
 same => n,Wait(0.2)
 same => n,Hangup()
; a value and a caller's name with CR LF inside ("a\r\nInjected: b")
exten => 115,1,Answer()
 same => n,Set(NL=${BASE64_DECODE(YQ0KSW5qZWN0ZWQ6IGI=)})
 same => n,UserEvent(TestNewline,Val: ${NL},After: c)
 same => n,Wait(0.2)
 same => n,Hangup()
exten => 116,1,Answer()
 same => n,Set(CALLERID(name)=${BASE64_DECODE(YQ0KSW5qZWN0ZWQ6IGI=)})
 same => n,Wait(0.2)
 same => n,Hangup()
exten => 200,hint,Custom:dev200
exten => 200,1,Dial(Local/102@ami-test,5)
exten => 201,hint,Custom:dev201
exten => 201,1,Hangup()
exten => h,1,NoOp(hangup handler ${HANGUPCAUSE})

[agents]
exten => _X,1,Answer()
 same => n,Wait(5)
 same => n,Hangup()

; One half of a busy call, Local/<digits>@load ...
[load]
exten => _X.,1,Set(CAMPAIGN=load)
 same => n,Set(LEADID=${EXTEN})
 same => n,Ringing()
 same => n,Wait(0.${RAND(1,5)})
 same => n,Answer()
 same => n,UserEvent(LoadStep,Exten: ${EXTEN},Step: 1)
 same => n,SendDTMF(${RAND(1,9)})
 same => n,Set(RESULT=${RAND(0,9)})
 same => n,Wait(${RAND(1,4)})
 same => n,UserEvent(LoadStep,Exten: ${EXTEN},Step: 2,Result: ${RESULT})
 same => n,ExecIf($[${RESULT} = 3]?Hangup(17))
 same => n,Hangup(16)

; ... and the other half.
[load-side]
exten => _X.,1,Answer()
 same => n,Set(SIDE=b)
 same => n,Wait(2)
 same => n,GotoIf($[${RAND(0,3)} = 0]?load-queue,${EXTEN},1)
 same => n,Wait(3600)

[load-queue]
exten => _X.,1,Queue(sales,,,,3)
 same => n,Hangup()
CONF

conf queues <<'CONF'
[general]
persistentmembers = no
autofill = yes
log_membername_as_agent = yes

[support]
strategy = ringall
timeout = 5
retry = 1
wrapuptime = 0
ringinuse = no
servicelevel = 30
member => Local/1@agents/n,0,Agent One,Custom:agent1
member => Local/2@agents/n,1,Agent Two,Custom:agent2

[sales]
strategy = rrmemory
timeout = 3
retry = 1
ringinuse = yes
member => Local/3@agents/n,0,Agent Three,Custom:agent3
member => Local/4@agents/n,0,Agent Four,Custom:agent4
member => Local/5@agents/n,5,Agent Five,Custom:agent5

[empty]
strategy = leastrecent
CONF
conf queuerules <<'CONF'
[rule1]
penaltychange => 30,+3
penaltychange => 60,10,2
CONF
conf agents <<'CONF'
[general]
[1001]
fullname = Agent Smith
[1002]
fullname = Agent Jones
CONF
conf voicemail <<'CONF'
[general]
format = wav
[default]
1001 => 1234,Test One,one@example.invalid
1002 => 1234,Test Two,two@example.invalid
CONF
conf confbridge <<'CONF'
[general]
[default_bridge]
type = bridge
[default_user]
type = user
quiet = yes
[default_menu]
type = menu
CONF
conf res_parking <<'CONF'
[general]
[default]
parkext => 700
parkpos => 701-720
context => parkedcalls
parkingtime => 45
CONF
conf indications <<'CONF'
[general]
country = us
[us]
description = US
ringcadence = 2000,4000
dial = 350+440
busy = 480+620/500,0/500
ring = 440+480/2000,0/4000
congestion = 480+620/250,0/250
CONF
printf '[general]\nenable = yes\nbatch = no\n' | conf cdr
printf '[general]\nenabled = yes\n[mappings]\nuserfield => Userfield2\n' | conf cdr_manager
printf '[general]\nenable = yes\napps = dial,queue,park\nevents = ALL\n[manager]\nenabled = yes\n' | conf cel
printf '[general]\n[default]\nmode = files\ndirectory = %s\n' "$run/moh" | conf musiconhold
printf '[general]\nenabled = no\n' | conf ari
printf '[general]\nrtpstart = 30000\nrtpend = 30999\n' | conf rtp
printf '[threadpool]\ninitial_size = 5\n[declined_message_types]\n' | conf stasis
printf '[general]\n' | conf features
for name in acl extconfig sorcery udptl dnsmgr ccss cli_aliases cli_permissions cli dsp codecs pjproject followme res_fax websocket_client; do
  conf "$name" </dev/null
done

exec "$AST_HOME/bin/asterisk" -f -C "$etc/asterisk.conf"
