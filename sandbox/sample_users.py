"""The sample accounts and users that a sandbox begins with."""

from sandbox.config import API_KEY_CLINIC, API_KEY_CYCLES
from sandbox.directory import Account, Named, User

CYCLES = Account(
    key="8F0792F86035A9F4290821F1EE6BC06A",
    name="Riverside Cycles",
    api_key=API_KEY_CYCLES,
    balance=47.79,
    currency="EUR",
)
CLINIC = Account(
    key="C27D1E4B905F4A3688B1D07E6F92A35C",
    name="Harbour Clinic",
    api_key=API_KEY_CLINIC,
    balance=1203.5,
    currency="USD",
)


def sample_users() -> tuple[User, ...]:
    """Five users over two accounts: a plain one, one without roles and groups, awkward ones.

    The blanks before role names are those of Infobip's API authentication page.
    """
    return (
        User(
            key="F443BCAEB8517F7159F44D0E8CFE725D",
            account=CYCLES,
            name="Ana Kovač",
            username="ana.kovac",
            email="ana.kovac@cycles.example",
            locale="en-US",
            roles=(Named(id=79, name=" Manager 1"), Named(id=1393, name=" Designer")),
            groups=(Named(id=54004, name="Group1"), Named(id=749187, name="Group3")),
        ),
        User(
            key="0B7E5D1CA9F24E86B3D4C81260FA97E5",
            account=CYCLES,
            name="Ben Ashworth",
            username="ben.ashworth",
            email="ben@cycles.example",
            locale="en-GB",
        ),
        User(
            key="9C1F6A07D2B84B5EA4E3760D18F5C2B9",
            account=CYCLES,
            name="Chiara Moretti",
            username="chiara.moretti",
            email="chiara@cycles.example",
            locale="it-IT",
            roles=(Named(id=80, name=" Agent"),),
            groups=(),
        ),
        User(
            key="4E82B6D0F1934C7A8D5E21C07B9FA643",
            account=CLINIC,
            name='山田 花子 <b>"Hana"</b>',
            username="山田花子 <script>alert(1)</script>",
            email="hanako+test@clinic.example",
            locale="ja-JP",
            roles=(
                Named(id=211, name="<img src=x onerror=alert(1)>"),
                Named(id=212, name="受付 & 予約"),
            ),
            groups=(Named(id=88001, name="مجموعة الاستقبال"), Named(id=88002, name="{{7*7}}")),
        ),
        User(
            key="D5A3907C6E1B4F82B0C9D4E7382F61A8",
            account=CLINIC,
            name="Lea Brandt",
            username="lea.brandt",
            email="lea.brandt@clinic.example",
            locale="de-DE",
            roles=(Named(id=213, name=" Physician"),),
        ),
    )
