"""Shapes of records as they are published: what people, their providers and their providers' pages make of them.

Each is written as it stands in the wild, with example names and addresses: what is asked, what is published, the
verdict, and a piece of the sentence. Two brackets mean two records under one name.
"""

from __future__ import annotations

from tasks.model import Verdict

OK, WARN, UNKNOWN, BAD = Verdict.OK, Verdict.WARN, Verdict.UNKNOWN, Verdict.BAD
IP4, IP6 = "192.0.2.10", "2001:db8::10"

# SPF, for mail from 192.0.2.10; include:esp.test holds 192.0.2.0/24, include:other.test does not.
SPF: list[tuple[str, list[str], Verdict, str]] = [
    ("one provider", ["v=spf1 include:esp.test -all"], OK, "allows 1 of 1"),
    ("two providers", ["v=spf1 include:other.test include:esp.test ~all"], OK, "takes 2 look-ups"),
    ("provider by redirect", ["v=spf1 redirect=esp.test"], OK, "allows 1 of 1"),
    ("redirect that all makes void", ["v=spf1 redirect=esp.test -all"], BAD, "does not allow 192.0.2.10: fail"),
    ("a host of one's own", ["v=spf1 a:out.shop.test -all"], OK, "allows 1 of 1"),
    ("the mail exchangers", ["v=spf1 mx ~all"], OK, "allows 1 of 1"),
    ("the mail exchangers' network", ["v=spf1 mx/28 ~all"], OK, "allows 1 of 1"),
    ("both networks at once", ["v=spf1 a:out.shop.test/24//64 -all"], OK, "allows 1 of 1"),
    ("capitals", ["V=SPF1 INCLUDE:ESP.TEST -ALL"], OK, "allows 1 of 1"),
    ("blanks at the end", ["v=spf1 include:esp.test -all   "], OK, "allows 1 of 1"),
    ("several blanks", ["v=spf1   include:esp.test   -all"], OK, "allows 1 of 1"),
    ("another provider's proof beside it", ["MS=ms12345678", "v=spf1 include:esp.test -all"], OK, "allows 1 of 1"),
    ("sender id beside it", ["spf2.0/pra include:esp.test -all", "v=spf1 include:esp.test -all"], OK, "allows 1 of 1"),
    ("a macro by address", ["v=spf1 exists:%{i}.spf.shop.test -all"], OK, "allows 1 of 1"),
    ("an unknown modifier", ["v=spf1 include:esp.test ra=postmaster -all"], OK, "allows 1 of 1"),
    ("exp", ["v=spf1 include:esp.test exp=why.shop.test -all"], OK, "allows 1 of 1"),
    ("no address is let in", ["v=spf1 -all"], BAD, "does not allow 192.0.2.10: fail by shop.test: -all"),
    ("two records", ["v=spf1 include:esp.test -all", "v=spf1 include:other.test -all"], BAD, "has 2 SPF records"),
    ("two alike", ["v=spf1 include:esp.test -all", "v=spf1 include:esp.test  -all"], BAD, "has 2 SPF records"),
    ("a comma", ["v=spf1 include:esp.test, include:other.test -all"], BAD, "permerror"),
    ("a blank behind the colon", ["v=spf1 include: esp.test -all"], BAD, "permerror"),
    ("an address without ip4", ["v=spf1 192.0.2.10 -all"], BAD, "“192.0.2.10” is no term of SPF"),
    ("ip instead of ip4", ["v=spf1 ip:192.0.2.10 -all"], BAD, "“ip:192.0.2.10” is no term of SPF"),
    ("ip4 with a host", ["v=spf1 ip4:out.shop.test -all"], BAD, "is no network"),
    ("ip6 for an IPv4 address", ["v=spf1 ip6:192.0.2.10 -all"], BAD, "is no network"),
    ("quotes within", ['v=spf1 "include:esp.test" -all'], BAD, "permerror"),
    ("a dash that a text processor made", ["v=spf1 include:esp.test –all"], BAD, "not ASCII"),
    ("= for :", ["v=spf1 include=esp.test -all"], BAD, "does not allow 192.0.2.10"),
    ("all is misspelt", ["v=spf1 include:esp.test -al"], BAD, "“-al” is no term of SPF"),
    ("a version that is none", ["v=spf2 include:esp.test -all"], BAD, "has no SPF record"),
    ("no blank behind the version", ["v=spf1include:esp.test -all"], BAD, "has no SPF record"),
    ("a semicolon", ["v=spf1; include:esp.test -all"], BAD, "has no SPF record"),
    ("everybody", ["v=spf1 include:esp.test +all"], BAD, "says +all"),
    ("everybody, by network", ["v=spf1 ip4:0.0.0.0/0 -all"], BAD, "lets in everybody by ip4:0.0.0.0/0"),
    ("half of everybody", ["v=spf1 ip4:0.0.0.0/1 ip4:128.0.0.0/1 -all"], BAD, "lets in everybody by ip4:0.0.0.0/1"),
    ("nothing behind", ["v=spf1 include:esp.test"], WARN, "says nothing about who else sends"),
    ("ptr", ["v=spf1 include:esp.test ptr -all"], WARN, "uses ptr"),
    ("terms behind all", ["v=spf1 -all include:esp.test"], BAD, "does not allow 192.0.2.10"),
    ("a provider that is gone", ["v=spf1 include:gone.test include:esp.test -all"], BAD, "gone.test has no SPF record"),
    ("itself", ["v=spf1 include:shop.test -all"], BAD, "look-ups"),
]

# DKIM: K is a key of 2,048 bits, S one of 1,024.
DKIM: list[tuple[str, list[str], Verdict, str]] = [
    ("as it ought to be", ["v=DKIM1; k=rsa; p=K"], OK, "2,048 bits"),
    ("no blanks", ["v=DKIM1;k=rsa;p=K"], OK, "2,048 bits"),
    ("a semicolon at the end", ["v=DKIM1; k=rsa; p=K;"], OK, "2,048 bits"),
    ("a service and flags", ["v=DKIM1; k=rsa; s=email; t=s; p=K"], OK, "2,048 bits"),
    ("notes", ["v=DKIM1; n=rotate yearly; p=K"], OK, "2,048 bits"),
    ("granularity of RFC 4871", ["v=DKIM1; g=*; k=rsa; p=K"], OK, "2,048 bits"),
    ("a short key", ["v=DKIM1; k=rsa; p=S"], WARN, "1,024 bits"),
    ("revoked", ["v=DKIM1; k=rsa; p="], BAD, "is revoked"),
    ("in PEM's frame", ["v=DKIM1; k=rsa; p=-----BEGIN PUBLIC KEY-----K-----END PUBLIC KEY-----"], BAD, "no base64"),
    ("quotes of a web page", ['v=DKIM1; k=rsa; p=K" "K'], BAD, "no base64"),
    ("escaped semicolons", ["v=DKIM1\\; k=rsa\\; p=K"], BAD, "v=DKIM1 has to come first, spelt so"),
    ("two keys", ["v=DKIM1; p=K", "v=DKIM1; p=S"], BAD, "holds 2 records"),
]

DMARC: list[tuple[str, list[str], Verdict, str]] = [
    ("watching", ["v=DMARC1; p=none; rua=mailto:d@shop.test"], OK, "policy none"),
    ("strict", ["v=DMARC1; p=reject; sp=reject; adkim=r; aspf=r; rua=mailto:d@shop.test; fo=1"], OK, "policy reject"),
    ("no blanks", ["v=DMARC1;p=quarantine;rua=mailto:d@shop.test"], OK, "policy quarantine"),
    ("size limit", ["v=DMARC1; p=reject; rua=mailto:d@shop.test!10m"], OK, "policy reject"),
    ("pct", ["v=DMARC1; p=quarantine; pct=100; rua=mailto:d@shop.test"], WARN, "pct=100: gone from RFC 9989"),
    ("no mailto", ["v=DMARC1; p=none; rua=d@shop.test"], WARN, "is no address for reports"),
    ("commas for semicolons", ["v=DMARC1, p=none"], BAD, "has no DMARC policy"),
    ("small letters", ["v=dmarc1; p=none"], BAD, "has no DMARC policy"),
    ("a policy in another's words", ["v=DMARC1; p=block"], BAD, "cannot be read"),
    ("two records", ["v=DMARC1; p=none", "v=DMARC1; p=reject"], BAD, "has 2 DMARC records"),
    ("the SPF record in its place", ["v=spf1 -all"], BAD, "has no DMARC policy"),
    ("twice the same tag", ["v=DMARC1; p=none; p=reject"], BAD, "cannot be read"),
]
