"""The only SQL. Stores take ids and values and return `app.models` values, never rows.

Whoever calls decides on the transaction: `async with database.transaction() as tx`, short and
never around a call to Infobip. Checking and acting is always one statement, by the database's
clock.
"""
