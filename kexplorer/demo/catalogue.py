"""The shop's articles, the places it delivers to, and what it writes to customers there. No person is in it."""

from typing import NamedTuple


class Article(NamedTuple):
    sku: str
    name: str
    cents: int
    tags: list[str]


class Place(NamedTuple):
    city: str
    country: str
    postcode: str
    street: str
    latitude: float
    longitude: float
    language: str
    currency: str


ARTICLES = [
    Article("CF-0101", "Café crème, 250 g ☕", 690, ["coffee", "ground"]),
    Article("CF-0102", "Espresso Nº 5, 1 kg", 2190, ["coffee", "beans"]),
    Article("CF-0107", "Cold brew, 6 × 0,33 l", 1320, ["coffee", "bottle"]),
    Article("TE-0201", "抹茶 Matcha, 30 g 🍵", 1850, ["tea", "green"]),
    Article("TE-0204", "Earl Grey", 450, ["tea", "black"]),
    Article("TE-0209", "Żurawina & malina", 399, ["tea", "fruit"]),
    Article("CH-0301", "Crème brûlée bar 🍫", 110, ["chocolate"]),
    Article("CH-0302", "Noir 85 %", 345, ["chocolate", "vegan"]),
    Article("CH-0315", "Læggeri mix", 1275, ["chocolate", "gift"]),
    Article("KT-0401", "French press 1 l", 2499, ["kitchen"]),
    Article("KT-0402", "Kettle \"Gooseneck\"", 5900, ["kitchen", "steel"]),
    Article("KT-0405", "Grinder, 38 mm burrs", 14900, ["kitchen", "electric"]),
    Article("KT-0411", "Filter papers, 100", 320, ["kitchen", "paper"]),
    Article("CU-0501", "Tasse à café", 890, ["cups", "porcelain"]),
    Article("CU-0502", "湯呑み yunomi", 1640, ["cups", "ceramic"]),
    Article("CU-0508", "Thermo mug 0,4 l", 1999, ["cups", "steel"]),
    Article("HO-0601", "Miód lipowy 🐝", 1190, ["honey"]),
    Article("HO-0602", "Μέλι θυμαρίσιο", 1380, ["honey"]),
    Article("SP-0701", "Sucre de canne, 500 g", 275, ["sugar"]),
    Article("SP-0706", "Cardamom pods", 540, ["spice"]),
    Article("BK-0801", "The Roaster's Handbook", 3450, ["book"]),
    Article("BK-0804", "Kaffee <für> Anfänger & Co.", 1800, ["book"]),
    Article("GC-0901", "Gift card 25", 2500, ["gift"]),
    Article("GC-0902", "Gift card 50", 5000, ["gift"]),
]  # fmt: skip

PLACES = [
    Place("München", "DE", "80331", "Sendlinger Straße 8", 48.1351, 11.582, "de", "EUR"),
    Place("Zürich", "CH", "8001", "Niederdorfstrasse 20", 47.3769, 8.5417, "de", "CHF"),
    Place("Orléans", "FR", "45000", "Rue de Bourgogne 101", 47.903, 1.9093, "fr", "EUR"),
    Place("København", "DK", "1208", "Nyhavn 17", 55.6761, 12.5683, "da", "DKK"),
    Place("Łódź", "PL", "90-001", "Piotrkowska 77", 51.7592, 19.456, "pl", "PLN"),
    Place("Αθήνα", "GR", "105 58", "Αδριανού 41", 37.9838, 23.7275, "el", "EUR"),
    Place("Київ", "UA", "01001", "Хрещатик 15", 50.4501, 30.5234, "uk", "UAH"),
    Place("Reykjavík", "IS", "101", "Laugavegur 24", 64.1466, -21.9426, "is", "ISK"),
    Place("São Paulo", "BR", "01310-100", "Avenida Paulista 900", -23.5505, -46.6333, "pt", "BRL"),
    Place("東京", "JP", "150-0002", "渋谷 2-21", 35.6764, 139.65, "ja", "JPY"),
    Place("서울", "KR", "04524", "세종대로 110", 37.5665, 126.978, "ko", "KRW"),
    Place("القاهرة", "EG", "11511", "شارع طلعت حرب", 30.0444, 31.2357, "ar", "EGP"),
    Place("Dublin", "IE", "D02", "Dame Street 5", 53.3498, -6.2603, "en", "EUR"),
    Place("Portland", "US", "97205", "SW Park Ave 1219", 45.5152, -122.6784, "en", "USD"),
]

GREETINGS = {
    "de": "Deine Bestellung {order} ist unterwegs nach {city}. Schöne Grüße 👋",
    "fr": "Votre commande {order} est en route vers {city}. À bientôt !",
    "da": "Din ordre {order} er på vej til {city}.",
    "pl": "Zamówienie {order} jest w drodze: {city} 🚚",
    "el": "Η παραγγελία {order} έρχεται στην {city}.",
    "uk": "Замовлення {order} прямує: {city}.",
    "is": "Pöntunin {order} er á leið til {city}.",
    "pt": "Seu pedido {order} está a caminho de {city}! 🎉",
    "ja": "ご注文 {order} は{city}へ発送されました。",
    "ko": "주문 {order}이(가) {city}(으)로 출발했습니다.",
    "ar": "طلبك {order} في الطريق إلى {city}.",
    "en": "Order {order} is on its way to {city}.\nTrack it at https://shop.example.com/t/{order}",
}
NOTES = [
    "Please ring twice",
    "Geschenkpapier 🎁",
    "Leave at n° 5 <back door>",
    "ありがとうございます",
    'Tab\there, "quoted"',
]
PAGES = ["/", "/coffee", "/tea", "/search?q=caf%C3%A9", "/basket", "/checkout", "/account/orders", "/help"]
PROGRAMS = ["checkout", "billing", "warehouse", "refunds"]
