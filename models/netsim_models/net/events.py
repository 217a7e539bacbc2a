"""Codes of netdevice notifier events (include/linux/notifier.h, 2.6.36)."""

from typing import Final

NETDEV_UP: Final = 0x0001
NETDEV_DOWN: Final = 0x0002
NETDEV_CHANGE: Final = 0x0004
NETDEV_REGISTER: Final = 0x0005
NETDEV_UNREGISTER: Final = 0x0006
NETDEV_CHANGEADDR: Final = 0x0008
NETDEV_GOING_DOWN: Final = 0x0009
NETDEV_CHANGENAME: Final = 0x000A
NETDEV_PRE_UP: Final = 0x000D
NETDEV_POST_INIT: Final = 0x0010
NETDEV_UNREGISTER_BATCH: Final = 0x0011
