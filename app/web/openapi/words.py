"""What stands at the top of /docs."""

SUMMARY = "The backend for apps embedded in the Infobip web interface."

DESCRIPTION = """\
Everything that running Hearth needs is found, explained and done here.

**To start:** press **Authorize**, paste the secret of one of `ADMIN_KEYS`, open an operation, fill
it in and press **Execute**. The secret stays in this tab until you log out or close the tab. Do it
in this order:

1. *Make an activation link* and open its address, or send it to your customer: who opens it links
   their Infobip account. For a private app, *Add an API key* instead.
2. *List connections*: it is there, `active`, and its token is renewed for as long as Hearth runs.
3. *Call Infobip* with it from your backend, through the gateway; `GATEWAY_ALLOW` says what may
   pass.
4. When something is wrong: [the live picture](/admin/status), *Check the app's settings*, *Read the
   record*.

A key may do what its scopes say: `read` looks, `write` makes, changes and ends, `credentials`
acts as a connection. None of them implies another.

Errors are `application/problem+json` with a `code` that stays the same; 405 comes with `Allow`
wherever there is no such method. Times are RFC 3339 in UTC. Lists are read page by page: send
`nextCursor` as `cursor` until it is null.
"""
