"""Types and limits of the values that several services store and check.

Request bodies check with the types; columns take the lengths. Events do not check them: what a
service has published is stored by every other one. Texts are lines or paragraphs, as
`kit/pure/texts.py` says what these are.
"""

from typing import Annotated, Final

from msgspec import Meta

from roadbike.kit.pure.texts import LINE, PARAGRAPHS

MAX_BIKE_ID: Final = 2**31 - 1  # the largest INTEGER of every database
MAX_PRICE: Final = 10**12  # KRW
MAX_QUANTITY: Final = 10**9  # units of one bike

# lengths in characters; columns are as wide
USER_ID_LENGTH: Final = 64
NAME_LENGTH: Final = 200  # of a person, a bike or a store
ZIP_CODE_LENGTH: Final = 20
ADDRESS_LENGTH: Final = 200
PHONE_LENGTH: Final = 30
EMAIL_LENGTH: Final = 254
BRAND_LENGTH: Final = 100
FRAME_SIZE_LENGTH: Final = 20
COLOUR_LENGTH: Final = 50
DESCRIPTION_LENGTH: Final = 4000

BikeId = Annotated[int, Meta(ge=1, le=MAX_BIKE_ID)]  # the number in the catalogue
Price = Annotated[int, Meta(ge=1, le=MAX_PRICE)]  # whole KRW
Quantity = Annotated[int, Meta(ge=0, le=MAX_QUANTITY)]  # units of one bike
UserId = Annotated[str, Meta(max_length=USER_ID_LENGTH), LINE]
Name = Annotated[str, Meta(max_length=NAME_LENGTH), LINE]
Address = Annotated[str, Meta(max_length=ADDRESS_LENGTH), LINE]
ZipCode = Annotated[
    str,
    Meta(
        max_length=ZIP_CODE_LENGTH,
        pattern=r"^[0-9A-Za-z -]{3,10}$",
        extra={"fault": "fault-zip-code"},
    ),
    LINE,
]
Phone = Annotated[  # 7 to 15 digits, as people write them: "010-1234-5678", "+82 (0)10 1234 5678"
    str,
    Meta(
        max_length=PHONE_LENGTH,
        pattern=r"^\+?[(]?[0-9](?:[ ().-]{0,2}[0-9]){6,14}$",
        extra={"fault": "fault-phone"},
    ),
    LINE,
]
Email = Annotated[
    str,
    Meta(
        max_length=EMAIL_LENGTH,
        pattern=r"^[!-?A-~]{1,64}@[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)+$",
        extra={"fault": "fault-email"},
    ),
    LINE,
]
Brand = Annotated[str, Meta(max_length=BRAND_LENGTH), LINE]
FrameSize = Annotated[str, Meta(max_length=FRAME_SIZE_LENGTH), LINE]
Colour = Annotated[str, Meta(max_length=COLOUR_LENGTH), LINE]
Description = Annotated[str, Meta(max_length=DESCRIPTION_LENGTH), PARAGRAPHS]
