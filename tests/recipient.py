"""Who a parcel goes to, and where, as a buyer sends it with a reservation."""

from typing import Final

RECIPIENT: Final = {
    "userNm": "김하나",
    "telNo": "010-1234-5678",
    "zipCd": "13497",
    "addrNm": "성남시 분당구 야탑로 1",
}
