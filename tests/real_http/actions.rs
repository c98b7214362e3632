//! Actions over HTTP: of a session that may do everything, and of those that may not, in each of the three forms.

use crate::conversation::Conversation;

/// Actions of a user who may do everything; each is asked for in text, XML and HTML.
const ACTIONS: &[&str] = &[
    "action=ping",
    "action=corestatus",
    "action=coresettings",
    "action=listcommands",
    "action=coreshowchannels",
    "action=status",
    "action=bridgelist",
    "action=devicestatelist",
    "action=extensionstatelist",
    "action=queuestatus",
    "action=queuestatus&queue=nosuch",
    "action=queuesummary",
    "action=command&command=core+show+help",
    "action=command&command=manager+show+command+Originate",
    "action=command&command=no+such+command",
    "action=command&command=",
    "action=command&command=module+load+nosuch",
    "action=getvar&variable=NOSUCH",
    "action=getvar&channel=Local/none-0&variable=X",
    "action=getvar",
    "action=setvar&channel=Local/none-0&variable=X&value=x",
    "action=setvar&variable=WEBSET&value=some+value:+with+colon+%26+more",
    "action=getconfig&filename=queues.conf",
    "action=getconfig&filename=nosuch.conf",
    "action=getconfigjson&filename=queues.conf",
    "action=showdialplan&context=agents",
    "action=hangup&channel=Local/none-0",
    "action=redirect&channel=Local/none-0&context=ami-test&exten=102&priority=1",
    "action=dbget&family=no&key=such",
    "action=parkinglots",
    "action=agents",
    "action=mailboxcount&mailbox=1001@default",
    "action=voicemailuserslist",
    "action=modulecheck&module=app_queue.so",
    "action=originate",
    "action=userevent&userevent=Plain",
    "action=events&eventmask=on",
    "action=events&eventmask=off",
    "action=events&eventmask=call,user",
    "action=events&eventmask=nonsense",
    "action=events",
    "action=filter&operation=add&filter=Event:+Newchannel",
    "action=filter&operation=add&filter=a(b",
    "action=filter&operation=remove&filter=x",
    "action=filter",
    "action=jabbersend",
    "action=nosuchaction",
    "action=no+such:+action",
    "action=login&username=app1&secret=app1-secret",
    "action=login&username=app1&secret=wrong",
];

/// Calls, that is: what others would see in lists of channels.
const CALLS: &[&str] = &[
    "action=originate&channel=Local/nosuch@nowhere&context=ami-test&exten=100&priority=1&timeout=1000",
    "action=originate&channel=NoTech/x&context=ami-test&exten=100&priority=1&async=true",
    "action=originate&channel=NoTech/x&application=System&data=true&timeout=100",
    "action=originate&channel=NoTech/x",
    "action=originate&channel=NoTech/x&application=System&data=true",
];

/// Where XML goes: the parameters for it, and the names in it.
const PLACES: &[&str] = &[
    "ajaxdest=there",
    "ajaxdest=there&ajaxobjtype=thing",
    "AJAXDEST=there&AjaxObjType=thing",
    "ajaxdest=first&ajaxdest=second",
    "ajaxdest=&ajaxobjtype=",
    "ajaxobjtype=thing",
    "ajaxdest=a+b%C5%BC",
];

/// All of them.
pub(crate) fn conversations() -> Vec<Conversation> {
    let mut all: Vec<_> = ACTIONS.iter().map(|query| in_each_form(query)).collect();
    for user in ["callonly", "readonly", "nothing", "systemonly"] {
        let mut talk = Conversation::new(format!("rights of {user}")).login(user);
        for query in [
            "action=ping",
            "action=corestatus",
            "action=command&command=core+show+channels",
            "action=hangup&channel=Local/none-0",
            "action=queuestatus&queue=empty",
            "action=listcommands",
            "action=getvar&variable=GREETING",
            "action=userevent&userevent=Mine",
            "action=events&eventmask=on",
            "action=nosuchaction",
            "action=getconfig&filename=queues.conf",
            "action=logoff",
        ] {
            talk = talk.get(format!("/rawman?{query}"));
        }
        all.push(talk);
    }
    for query in [
        "action=ping",
        "action=corestatus",
        "action=listcommands",
        "action=nosuch",
        "",
    ] {
        let talk = Conversation::new(format!("before the login: {query}"));
        all.push(
            talk.get(format!("/rawman?{query}"))
                .get(format!("/mxml?{query}&actionid=1")),
        );
    }
    for place in PLACES {
        all.push(
            Conversation::new(format!("place {place}"))
                .login("app1")
                .get(format!("/mxml?action=ping&{place}"))
                .get(format!("/mxml?action=queuesummary&actionid=1&{place}"))
                .get(format!("/rawman?action=ping&{place}"))
                .post("/mxml?ajaxdest=elsewhere", format!("action=ping&{place}")),
        );
    }
    all.append(&mut longer());
    all
}

fn in_each_form(query: &str) -> Conversation {
    let talk = Conversation::new(query).login("app1");
    ["rawman", "mxml", "manager"]
        .into_iter()
        .fold(talk, |talk, page| {
            talk.get(format!("/{page}?{query}&actionid=1"))
        })
}

/// Those that make calls, to be run one after another.
pub(crate) fn calls() -> Vec<Conversation> {
    let talk = |name: &str| Conversation::new(name).login("app1");
    let originate =
        "action=originate&channel=Local/100@ami-test&application=Wait&data=1&timeout=5000";
    let mut all: Vec<_> = CALLS.iter().map(|query| in_each_form(query)).collect();
    all.extend([
        talk("a synchronous Originate").get(format!("/rawman?{originate}&actionid=o")),
        talk("a synchronous Originate, XML").get(format!("/mxml?{originate}&actionid=o")),
        talk("an asynchronous Originate").get(format!("/rawman?{originate}&async=true&actionid=o")),
        talk("other requests meanwhile")
            .get(format!("/rawman?{originate}&actionid=o"))
            .background()
            .get("/rawman?action=ping&actionid=meanwhile"),
    ]);
    all
}

/// More than one request each.
fn longer() -> Vec<Conversation> {
    let talk = |name: &str| Conversation::new(name).login("app1");
    vec![
        talk("set and get")
            .post(
                "/rawman",
                "action=setvar&variable=WEBSTATE&value=a%3Db%2C+c&actionid=s",
            )
            .get("/rawman?action=getvar&variable=WEBSTATE&actionid=g")
            .get("/mxml?action=getvar&variable=WEBSTATE"),
        talk("database")
            .get("/rawman?action=dbput&family=web&key=k&val=v+%3Cw%3E")
            .get("/rawman?action=dbget&family=web&key=k")
            .get("/mxml?action=dbget&family=web&key=k")
            .get("/rawman?action=dbdel&family=web&key=k")
            .get("/rawman?action=dbget&family=web&key=k"),
        talk("many one after another")
            .get("/rawman?action=ping&actionid=1")
            .post("/mxml", "action=ping&actionid=2")
            .get("/manager?action=ping&actionid=3")
            .get("/mxml?action=queuesummary&actionid=4")
            .get("/rawman?action=command&command=core+show+help&actionid=5")
            .get("/rawman?action=ping&actionid=6"),
    ]
}
