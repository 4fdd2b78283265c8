// 볼 몰 고르기 | Choose the mall
:param mall_id => 'sandbox'
